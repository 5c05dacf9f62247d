#include "session.h"

#include <utility>

#include <plan.h>

#include "layout.h"

namespace revoxel {

Session::Session(int threads) : threads_(threads < 1 ? 1 : threads), thread_("revoxel-cpu") {}

void Session::submit(std::function<void(Session&)> work, std::function<void(std::exception_ptr)> done) {
  thread_.submit([this, work = std::move(work)] { work(*this); }, std::move(done));
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
  executable(id).run(request, [&] { return stop.load(std::memory_order_relaxed) || thread_.closing(); });
}

void Session::copy(int64_t offset, const std::vector<int64_t>& shape, int64_t unit, const HostSpan& host, Direction direction) {
  if (!within(offset, host.bytes, persistent_.committedBytes())) throw Error("ERR_PLAN", "the place lies outside the persistent segment");
  copyLayout(threads_, persistent_.data() + offset, host.data, shape, unit, direction);
}

PlanTimings Session::timings(int64_t id) { return {executable(id).runs(), executable(id).seconds()}; }

SessionBytes Session::memory() const {
  const int64_t persistent = persistent_.residentBytes(), transient = transient_.residentBytes();
  return {persistent_.committedBytes(), transient_.committedBytes(), blockBytes_, persistent < 0 || transient < 0 ? -1 : persistent + transient};
}

}  // namespace revoxel
