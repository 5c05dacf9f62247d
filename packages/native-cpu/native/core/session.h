/**
 * A session: two arenas and one long-lived thread that does everything that takes time, in the order it was asked for.
 * That thread owns the OpenMP team, so that several sessions never share or rebuild one. No Node headers here.
 */
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "arena.h"
#include "executable.h"

namespace revoxel {

class Session {
 public:
  explicit Session(int threads);
  /** Stops after the kernel that is running; what is queued ends with Aborted. */
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /** Runs `work` on the session's thread, then `done` there with what it threw, or null. */
  void submit(std::function<void(Session&)> work, std::function<void(std::exception_ptr)> done);

  // For work on the session's thread only.

  void ensure(int64_t persistentBytes, int64_t transientBytes);
  /** Decodes a plan and binds it; returns its number. */
  int64_t load(const void* words, size_t bytes);
  Executable& executable(int64_t id);
  /** Runs a plan; ends before the next kernel once `stop` is true or the session closes. */
  void run(int64_t id, const RunRequest& request, const std::atomic<bool>& stop);
  int threads() const { return threads_; }

  // From any thread.

  const Arena& persistent() const { return persistent_; }
  const Arena& transient() const { return transient_; }
  /** Bytes of the step and return blocks of all plans. */
  int64_t blockBytes() const { return blockBytes_; }

 private:
  struct Job {
    std::function<void(Session&)> work;
    std::function<void(std::exception_ptr)> done;
  };
  void loop();

  const int threads_;
  Arena persistent_;
  Arena transient_;
  std::map<int64_t, std::unique_ptr<Executable>> executables_;
  int64_t nextId_ = 0;
  std::atomic<int64_t> blockBytes_{0};
  std::atomic<bool> closing_{false};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::thread thread_;
};

}  // namespace revoxel
