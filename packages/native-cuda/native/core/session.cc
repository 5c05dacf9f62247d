#include "session.h"

#include <plan.h>

#include <future>
#include <mutex>
#include <utility>

#include "check.h"

namespace revoxel {

namespace {

const DeviceInfo& deviceAt(int index) {
  const Probe& probe = probeDevices();
  if (!probe.reason.empty()) throw Error("ERR_CUDA_NO_DEVICE", probe.reason);
  for (const DeviceInfo& device : probe.devices) {
    if (device.index == index) return device;
  }
  throw Error("ERR_CUDA_NO_DEVICE", "there is no device " + std::to_string(index) + ", only 0 to " + std::to_string(probe.devices.size() - 1));
}

#if defined(REVOXEL_CUDA_EMULATED)
/** The emulator has one state for the process. */
std::mutex emulator;
#endif

}  // namespace

Session::Session(int device, const ExecuteOptions& options) : device_(deviceAt(device)), options_(options), thread_("revoxel-cuda") {}

Session::~Session() {
  thread_.join([this] { guarded([this] { close(); }); });
}

void Session::guarded(const std::function<void()>& work) {
#if defined(REVOXEL_CUDA_EMULATED)
  const std::lock_guard<std::mutex> lock(emulator);
#endif
  work();
}

void Session::submit(std::function<void(Session&)> work, std::function<void(std::exception_ptr)> done) {
  thread_.submit(
      [this, work = std::move(work)] {
        guarded([&] {
          if (!lost_.empty()) throw ContextLost(lost_);
          try {
            if (!opened_) open();
            work(*this);
          } catch (const ContextLost& error) {
            lost_ = error.what();
            throw;
          }
        });
      },
      std::move(done));
}

void Session::wait(const std::function<void(Session&)>& work) {
  std::promise<void> ended;
  submit(work, [&ended](std::exception_ptr failure) {
    if (failure) ended.set_exception(failure);
    else ended.set_value();
  });
  ended.get_future().get();
}

void Session::open() {
  const std::string name = "device " + std::to_string(device_.index) + " (" + device_.name + ")";
  try {
    check(cudaSetDevice(device_.index), "cudaSetDevice");
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    staging_ = std::make_unique<Staging>();
    staging_->open();
  } catch (const Error& error) {
    close();
    // In use by another process alone, or its driver is not ready: nothing has run yet, so nothing is lost.
    throw Error("ERR_CUDA_NO_DEVICE", name + " cannot be opened: " + error.what());
  }
  opened_ = true;
}

void Session::close() {
  if (stream_) (void)cudaStreamSynchronize(stream_);
  executables_.clear();
  staging_.reset();
  persistent_.release();
  transient_.release();
  if (stream_) (void)cudaStreamDestroy(stream_);
  stream_ = nullptr;
}

void Session::ensure(int64_t persistentBytes, int64_t transientBytes) {
  const int64_t before = transient_.bytes();
  const auto bindAll = [this] {
    for (const auto& entry : executables_) entry.second->bind(persistent_.data(), persistent_.bytes(), transient_.data(), transient_.bytes());
  };
  bool moved = persistent_.grow(persistentBytes, true, stream_);
  try {
    moved = transient_.grow(transientBytes, false, stream_) || moved;
  } catch (const OutOfMemory&) {
    try {
      // What was there fits again, and the plans loaded so far stay usable.
      transient_.grow(before, false, stream_);
      bindAll();
    } catch (const Error&) {
      // Somebody else took the memory: no plan may keep addresses that are gone.
      executables_.clear();
      blockBytes_ = 0;
    }
    throw;
  }
  if (moved) bindAll();
}

int64_t Session::load(const void* words, size_t bytes) {
  auto executable = std::make_unique<Executable>(decodePlan(words, bytes), device_, stream_, *staging_, options_);
  executable->bind(persistent_.data(), persistent_.bytes(), transient_.data(), transient_.bytes());
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
  int64_t count = unit;
  for (const int64_t size : shape) count *= size;
  if (unit < 1 || count != host.bytes) throw Error("ERR_PLAN", "the array does not have the shape's length");
  if (host.bytes == 0) return;
  if (!within(offset, host.bytes, persistent_.bytes())) throw Error("ERR_PLAN", "the place lies outside the persistent segment");
  staging_->copy(stream_, persistent_.data() + offset, host, shape, unit, direction);
  check(cudaStreamSynchronize(stream_), "copying a value");
}

PlanTimings Session::timings(int64_t id) { return executable(id).timings(); }

SessionBytes Session::memory() const { return {persistent_.bytes(), transient_.bytes(), blockBytes_, heldBytes()}; }

}  // namespace revoxel
