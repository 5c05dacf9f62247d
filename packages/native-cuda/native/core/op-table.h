/** Which function launches each operation: see ops/ops.h. */
#pragma once

#include "args.h"

namespace revoxel {

/** The kernel of an operation. */
Kernel kernelOf(Op op);

}  // namespace revoxel
