/** A kernel call of this package: operands and scratch (the runtime's tensor.h), and the threads to share it among. */
#pragma once

#include <tensor.h>

namespace revoxel {

struct Args : CallView {
  int threads = 1;
};

using Kernel = void (*)(const Args&);

}  // namespace revoxel
