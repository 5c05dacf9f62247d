/** What sessions of all native executors take and tell: host arrays, requests, byte counts, timings. No Node headers. */
#pragma once

#include <cstdint>
#include <vector>

namespace revoxel {

/** Host memory of an input or output, logical C order, of the length its value has. */
struct HostSpan {
  void* data = nullptr;
  int64_t bytes = 0;
};

/** One run. */
struct RunRequest {
  /** Indices into the plan's derived values, made first. */
  std::vector<int64_t> refresh;
  std::vector<HostSpan> inputs;
  std::vector<HostSpan> outputs;
  HostSpan step;
};

/** Which way a copy goes. */
enum class Direction { toDevice, toHost };

/** Bytes as a session counts and measures them. */
struct SessionBytes {
  int64_t persistent = 0;
  int64_t transient = 0;
  /** Step and return blocks of all plans and what else lies beside the segments. */
  int64_t blocks = 0;
  /** Bytes of the segments that are in memory, or -1 where the system does not tell. */
  int64_t resident = -1;
};

/** Seconds spent in each of a plan's own calls, summed over its runs. */
struct PlanTimings {
  int64_t runs = 0;
  std::vector<double> seconds;
};

}  // namespace revoxel
