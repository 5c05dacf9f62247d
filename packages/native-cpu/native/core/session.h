/**
 * A session: two arenas and one long-lived thread that does everything that takes time, in the order it was asked for.
 * That thread owns the OpenMP team, so that several sessions never share or rebuild one. No Node headers here.
 */
#pragma once

#include <session-types.h>
#include <work-thread.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "arena.h"
#include "executable.h"

namespace revoxel {

class Session {
 public:
  explicit Session(int threads);

  /** Runs `work` on the session's thread, then `done` there with what it threw, or null. */
  void submit(std::function<void(Session&)> work, std::function<void(std::exception_ptr)> done);

  // For work on the session's thread only.

  void ensure(int64_t persistentBytes, int64_t transientBytes);
  /** Decodes a plan and binds it; returns its number. */
  int64_t load(const void* words, size_t bytes);
  /** Runs a plan; ends before the next kernel once `stop` is true or the session closes. */
  void run(int64_t id, const RunRequest& request, const std::atomic<bool>& stop);
  /** Copies between a place in the persistent segment and a host array of logical order, `unit` bytes an element. */
  void copy(int64_t offset, const std::vector<int64_t>& shape, int64_t unit, const HostSpan& host, Direction direction);
  PlanTimings timings(int64_t id);

  // From any thread.

  SessionBytes memory() const;
  /** Bytes of both segments; cheap. */
  int64_t heldBytes() const { return persistent_.committedBytes() + transient_.committedBytes(); }

 private:
  Executable& executable(int64_t id);

  const int threads_;
  Arena persistent_;
  Arena transient_;
  std::map<int64_t, std::unique_ptr<Executable>> executables_;
  int64_t nextId_ = 0;
  std::atomic<int64_t> blockBytes_{0};
  // Last: its end comes first, before what its jobs work on goes.
  WorkThread thread_;
};

}  // namespace revoxel
