/**
 * The kernels, one an operation. What each computes, in which order its operands come and what it returns is written
 * once, in the header comment of the runtime's file of the same name (packages/runtime/src/ops); the files here say how.
 */
#pragma once

#include "../core/tensor.h"

namespace revoxel::ops {

#define REVOXEL_DECLARE(name) void name(const Args&);
REVOXEL_EACH_OP(REVOXEL_DECLARE)
#undef REVOXEL_DECLARE

}  // namespace revoxel::ops
