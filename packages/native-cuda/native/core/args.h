/** A kernel call of this package: operands and scratch (the runtime's tensor.h), and where to launch. */
#pragma once

#include <tensor.h>

#include "../port/runtime.h"
#include "device.h"

namespace revoxel {

struct Args : CallView {
  cudaStream_t stream = nullptr;
  const DeviceInfo* device = nullptr;
  /**
   * Device memory, STATUS_WORDS ints: [0] is 1 + the index of the first call that found a rebuilt input wrong. Kernels that
   * write persistent values do nothing once it is set.
   */
  int* status = nullptr;
  /** Index of the call in its plan. */
  int index = 0;
  /** All checks, no launch: how a plan is checked when it is loaded. */
  bool dry = false;
};

constexpr int STATUS_WORDS = 16;

using Kernel = void (*)(const Args&);

}  // namespace revoxel
