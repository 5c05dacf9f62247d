/**
 * One long-lived thread that does everything that takes time, in the order it was asked for. What it works on is the
 * business of whoever owns it.
 */
#pragma once

#include <condition_variable>
#include <deque>
#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#ifdef __linux__
#include <pthread.h>
#endif

#include "plan-error.h"

namespace revoxel {

class WorkThread {
 public:
  /** @param name at most 15 characters, as the system shows threads. */
  explicit WorkThread(const char* name) : name_(name), thread_([this] { loop(); }) {}
  ~WorkThread() { join(); }
  WorkThread(const WorkThread&) = delete;
  WorkThread& operator=(const WorkThread&) = delete;

  /** Runs `work` on the thread, then `done` there with what it threw, or null. */
  void submit(std::function<void()> work, std::function<void(std::exception_ptr)> done) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      jobs_.push_back({std::move(work), std::move(done)});
    }
    wake_.notify_one();
  }

  /** True once the thread is to end: what is under way should stop soon. */
  bool closing() const { return closing_.load(std::memory_order_relaxed); }

  /** Waits for the job under way; what is queued ends with Aborted, but for `last`, which runs as the thread's last work. */
  void join(std::function<void()> last = nullptr) {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      closing_ = true;
      last_ = std::move(last);
    }
    wake_.notify_one();
    thread_.join();
  }

 private:
  struct Job {
    std::function<void()> work;
    std::function<void(std::exception_ptr)> done;
  };

  void loop() {
#ifdef __linux__
    pthread_setname_np(pthread_self(), name_);
#endif
    for (;;) {
      Job job;
      bool closing;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
        if (jobs_.empty()) break;
        closing = closing_;
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      std::exception_ptr failure;
      try {
        if (closing) throw Aborted();
        job.work();
      } catch (...) {
        failure = std::current_exception();
      }
      job.done(failure);
    }
    if (last_) last_();
  }

  const char* name_;
  std::atomic<bool> closing_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::function<void()> last_;
  // Last, so that everything the loop touches exists before it starts.
  std::thread thread_;
};

}  // namespace revoxel
