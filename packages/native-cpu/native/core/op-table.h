/** Which function computes each operation: one file each in ops/. */
#pragma once

#include "tensor.h"

namespace revoxel {

/** The kernel of an operation. */
Kernel kernelOf(Op op);

}  // namespace revoxel
