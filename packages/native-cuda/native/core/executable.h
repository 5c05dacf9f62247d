/**
 * A decoded plan bound to a session's device memory: operand views and scratch are resolved once, and every call is
 * checked then, limits of the device included; a run only launches. The first run launches call by call, so that an error
 * has a name; the second one is recorded as a CUDA graph, later ones launch that.
 */
#pragma once

#include <plan-types.h>
#include <session-types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "args.h"
#include "device-block.h"
#include "staging.h"

namespace revoxel {

/** How plans are executed. */
struct ExecuteOptions {
  /** Record a CUDA graph on the second run. */
  bool graphs = true;
  /** Wait after every call and check: slow, names the call that failed. */
  bool synchronous = false;
  /** Measure every call with events; no graphs then. */
  bool profile = false;
};

class Executable {
 public:
  /** Binds to memory and checks all calls. Throws Error with the operation's name. */
  Executable(Plan plan, const DeviceInfo& device, cudaStream_t stream, Staging& staging, const ExecuteOptions& options);
  ~Executable();
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  /** (Re)binds to the segments; a recorded graph is dropped. */
  void bind(char* persistent, int64_t persistentBytes, char* transient, int64_t transientBytes);
  void run(const RunRequest& request, const std::function<bool()>& stopped);

  PlanTimings timings() const { return {runs_, seconds_}; }
  /** Device bytes of the step, return and status blocks. */
  int64_t blockBytes() const { return blocks_.bytes(); }

 private:
  char* place(Segment segment, int64_t offset);
  void call(size_t index);
  void launchAll(const std::function<bool()>& stopped);
  void profileAll(const std::function<bool()>& stopped);
  void record();
  void dropGraph();
  void checkStatus();

  Plan plan_;
  const DeviceInfo& device_;
  cudaStream_t stream_;
  Staging& staging_;
  ExecuteOptions options_;
  char* persistent_ = nullptr;
  char* transient_ = nullptr;
  /** [step][return][status], each from a multiple of 256 bytes on. */
  DeviceBlock blocks_{"step blocks"};
  int64_t returnAt_ = 0, statusAt_ = 0;
  std::vector<Args> args_;
  std::vector<Kernel> kernels_;
  cudaGraphExec_t graph_ = nullptr;
  /** False once recording has failed: launches stay single. */
  bool recordable_ = true;
  cudaEvent_t done_ = nullptr;
  std::vector<cudaEvent_t> marks_;
  std::vector<double> seconds_;
  int64_t runs_ = 0;
};

}  // namespace revoxel
