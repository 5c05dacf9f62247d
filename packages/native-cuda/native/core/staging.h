/**
 * Copies between host arrays in logical C order and channels-last device memory, through a ring of pinned buffers: while
 * one is on its way, the next is being filled. Layouts are changed on the host side, so that no device memory is needed
 * that the plan does not know.
 */
#pragma once

#include <session-types.h>

#include <cstdint>
#include <vector>

#include "../port/runtime.h"

namespace revoxel {

class Staging {
 public:
  Staging() = default;
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /** Allocates the ring; on the thread of the device. */
  void open();

  /** Copies one tensor; the device side is read or written on `stream`. Returns when the host array may be used again. */
  void copy(cudaStream_t stream, char* device, const HostSpan& host, const std::vector<int64_t>& shape, int64_t unit, Direction direction);
  /** The same for plain bytes. */
  void copyBytes(cudaStream_t stream, char* device, const HostSpan& host, Direction direction);

 private:
  static constexpr int BUFFERS = 3;
  static constexpr int64_t BUFFER_BYTES = 4 << 20;

  char* buffer_[BUFFERS] = {};
  cudaEvent_t free_[BUFFERS] = {};
  bool busy_[BUFFERS] = {};
  int next_ = 0;

  /** The next buffer, once its last copy has ended. */
  int take();
};

}  // namespace revoxel
