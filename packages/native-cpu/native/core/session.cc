#include "session.h"

#include <utility>

#include <pthread.h>

#include "plan.h"

namespace revoxel {

Session::Session(int threads) : threads_(threads < 1 ? 1 : threads), thread_([this] { loop(); }) {}

Session::~Session() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Session::submit(std::function<void(Session&)> work, std::function<void(std::exception_ptr)> done) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.push_back({std::move(work), std::move(done)});
  }
  wake_.notify_one();
}

void Session::loop() {
#ifdef __linux__
  pthread_setname_np(pthread_self(), "revoxel-cpu");
#endif
  for (;;) {
    Job job;
    bool closing;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      closing = closing_;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    std::exception_ptr failure;
    try {
      if (closing) throw Aborted();
      job.work(*this);
    } catch (...) {
      failure = std::current_exception();
    }
    job.done(failure);
  }
}

void Session::ensure(int64_t persistentBytes, int64_t transientBytes) {
  persistent_.grow(persistentBytes);
  transient_.grow(transientBytes);
}

int64_t Session::load(const void* words, size_t bytes) {
  auto executable = std::make_unique<Executable>(decodePlan(words, bytes), persistent_, transient_, threads_);
  blockBytes_ += executable->blockBytes();
  executables_[nextId_] = std::move(executable);
  return nextId_++;
}

Executable& Session::executable(int64_t id) {
  const auto found = executables_.find(id);
  if (found == executables_.end()) throw Error("ERR_PLAN", "no plan " + std::to_string(id) + " is loaded");
  return *found->second;
}

void Session::run(int64_t id, const RunRequest& request, const std::atomic<bool>& stop) {
  executable(id).run(request, [&] { return stop.load(std::memory_order_relaxed) || closing_.load(std::memory_order_relaxed); });
}

}  // namespace revoxel
