/**
 * The convolution kernels that take everything: any sizes, strides, dilations, groups, pieces; f32 or bf16 activations,
 * f32 weights [co][taps][ci / groups], sums in fp32 in a fixed order.
 */
#pragma once

#include "conv-shape.h"

namespace revoxel {

/** y = conv(x, w) + bias. `dtype`: of x and y; `bias` may be null. */
void convPlain(const Args& args, const ConvShape& shape, const ConvPieces& x, const float* w, const float* bias, void* y, DType dtype);

/** Channels channelBegin ... of the transpose of the convolution. `bias`: one of every channel of the slice, or null. */
void convTransposePlain(const Args& args, const ConvShape& shape, const ConvPieces& y, const float* w, const float* bias, int channelBegin, int channelCount, void* x, DType dtype);

/** dw, and dbias unless it is null. Takes its scratch from `args`. */
void convWeightGradPlain(const Args& args, const ConvShape& shape, const ConvPieces& x, const void* dy, float* dw, float* dbias, DType dtype);

}  // namespace revoxel
