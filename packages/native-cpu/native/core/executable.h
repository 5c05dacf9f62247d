/**
 * A decoded plan bound to a session's two arenas: operand views and scratch are resolved once, a run only calls kernels.
 * It runs on whatever thread calls it; who that is, and one run at a time, is the session's business.
 */
#pragma once

#include <session-types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "arena.h"
#include "tensor.h"

namespace revoxel {

class Executable {
 public:
  /** Throws Error if the plan does not fit the arenas. */
  Executable(Plan plan, const Arena& persistent, const Arena& transient, int threads);
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  /** Copies inputs in, runs all calls, copies outputs out. Throws Error with the operation's name; Aborted once `stopped` says so. */
  void run(const RunRequest& request, const std::function<bool()>& stopped);

  const Plan& plan() const { return plan_; }
  /** Seconds spent in each of the plan's own calls, summed over all runs. */
  const std::vector<double>& seconds() const { return seconds_; }
  int64_t runs() const { return runs_; }
  /** Bytes of the step and return blocks. */
  int64_t blockBytes() const { return static_cast<int64_t>((step_.size() + return_.size()) * sizeof(uint64_t)); }

 private:
  void call(size_t index);
  char* place(Segment segment, int64_t offset);

  Plan plan_;
  const Arena& persistent_;
  const Arena& transient_;
  std::vector<uint64_t> step_;
  std::vector<uint64_t> return_;
  std::vector<Args> args_;
  std::vector<Kernel> kernels_;
  std::vector<double> seconds_;
  int64_t runs_ = 0;
  int threads_;
};

}  // namespace revoxel
