/**
 * Floats onto the grid of a stream: what quantize and couple share. One pass over memory; what an add reports and the
 * checksum are made in the same pass. All counts and sums are integers, so that they do not depend on the thread count.
 */
#pragma once

#include "../core/tensor.h"

namespace revoxel::ops {

/** What becomes of q(f): k + q, k - q, or q alone. */
enum class GridMode { add, sub, set };

/** Which stream the checksum is taken of: none, k, or the result. */
enum class GridSum { none, input, output };

/**
 * y = k +- q(f), or q(f). The checksum [2] may be null; stats [4] of a subtraction are zeros.
 * @param k null when setting.
 */
void gridAdd(const Args& args, GridMode mode, GridSum sum, const Tensor* k, const Tensor& f, const Tensor& exponent, const Tensor& y, const Tensor& stats, const Tensor* checksum);

}  // namespace revoxel::ops
