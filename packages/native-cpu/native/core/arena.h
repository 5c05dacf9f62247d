/**
 * One growing run of memory with a stable address: a large address range is reserved once and committed from its front,
 * so that pointers into it stay valid while it grows. Committed pages are touched at once (huge ones where the system
 * has them): a run never faults, and what a plan says it needs is what is resident.
 *
 * Not an allocator: where values lie inside is the plan's business.
 */
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace revoxel {

class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /** Make it at least `bytes` long; contents stay, new bytes are zero. Throws OutOfMemory and then is unchanged. */
  void grow(int64_t bytes);

  char* data() const { return base_; }
  /** Committed bytes: the largest length asked for, rounded up to whole pages. */
  int64_t committedBytes() const { return committed_; }
  /** Bytes of the committed range that are in memory right now, as the kernel tells. */
  int64_t residentBytes() const;

 private:
  char* base_ = nullptr;
  void* mapping_ = nullptr;
  size_t mappingBytes_ = 0;
  int64_t reserved_ = 0;
  std::atomic<int64_t> committed_{0};
};

/** Committed bytes of all arenas of the process; zero when every session is disposed. */
int64_t liveArenaBytes();

/** Bytes of physical memory, and an estimate of what can still be taken (control group limits included); -1 if unknown. */
int64_t physicalBytes();
int64_t availableBytes();

}  // namespace revoxel
