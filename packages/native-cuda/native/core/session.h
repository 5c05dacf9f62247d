/**
 * A session on one device: two blocks of device memory, a stream, pinned staging buffers, and one long-lived thread that
 * has the device current and does everything that takes time. No Node headers here.
 *
 * After an error that ends the CUDA context everything is refused with ERR_CUDA_CONTEXT_LOST.
 */
#pragma once

#include <session-types.h>
#include <work-thread.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "device-block.h"
#include "executable.h"
#include "staging.h"

namespace revoxel {

class Session {
 public:
  /** Opens nothing yet: the first work does, on the session's thread. @param device index in probeDevices().devices */
  Session(int device, const ExecuteOptions& options);
  /** Stops after the run under way; what is queued ends with Aborted. */
  ~Session();

  /** Runs `work` on the session's thread, then `done` there with what it threw, or null. */
  void submit(std::function<void(Session&)> work, std::function<void(std::exception_ptr)> done);
  /** The same, waiting for it; rethrows. */
  void wait(const std::function<void(Session&)>& work);

  // For work on the session's thread only.

  void ensure(int64_t persistentBytes, int64_t transientBytes);
  /** Decodes a plan, binds and checks it; returns its number. */
  int64_t load(const void* words, size_t bytes);
  /** Runs a plan; with `stop` true it ends before the next launch, and after the launch of a graph with the graph. */
  void run(int64_t id, const RunRequest& request, const std::atomic<bool>& stop);
  /** Copies between a place in the persistent segment and a host array of logical order, `unit` bytes an element. */
  void copy(int64_t offset, const std::vector<int64_t>& shape, int64_t unit, const HostSpan& host, Direction direction);
  PlanTimings timings(int64_t id);

  // From any thread.

  SessionBytes memory() const;
  /** Bytes of both segments. */
  int64_t heldBytes() const { return persistent_.bytes() + transient_.bytes(); }

 private:
  void open();
  void close();
  void guarded(const std::function<void()>& work);
  Executable& executable(int64_t id);

  const DeviceInfo device_;
  const ExecuteOptions options_;
  bool opened_ = false;
  std::string lost_;
  cudaStream_t stream_ = nullptr;
  DeviceBlock persistent_{"parameters and optimiser state"};
  DeviceBlock transient_{"activations"};
  std::unique_ptr<Staging> staging_;
  std::map<int64_t, std::unique_ptr<Executable>> executables_;
  int64_t nextId_ = 0;
  std::atomic<int64_t> blockBytes_{0};
  // Last: its end comes first, before what its jobs work on goes.
  WorkThread thread_;
};

}  // namespace revoxel
