/** One allocation of device memory. Grows by moving. Not an allocator: where values lie inside is the plan's business. */
#pragma once

#include <atomic>
#include <cstdint>

#include "../port/runtime.h"

namespace revoxel {

class DeviceBlock {
 public:
  /** @param what for messages, such as `parameters` */
  explicit DeviceBlock(const char* what) : what_(what) {}
  ~DeviceBlock() { release(); }
  DeviceBlock(const DeviceBlock&) = delete;
  DeviceBlock& operator=(const DeviceBlock&) = delete;

  /**
   * Make it at least `bytes` long. `keep`: contents stay, which takes both copies for a moment; else the old one goes
   * first. New bytes are whatever was there: plans read nothing that nobody wrote. Returns whether the address changed. Throws OutOfMemory (then it is unchanged, or empty
   * without `keep`).
   */
  bool grow(int64_t bytes, bool keep, cudaStream_t stream);
  void release();

  char* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  const char* what_;
  char* data_ = nullptr;
  std::atomic<int64_t> bytes_{0};
};

/** Device bytes of all blocks of the process; zero when every session is disposed. */
int64_t liveDeviceBytes();

}  // namespace revoxel
