/**
 * The convolution operations through oneDNN (variant 1 of a call), and what a profile must know to choose it. Weights
 * come plain and are brought into oneDNN's form in scratch at every call: that form depends on the spatial sizes, so a
 * copy shared by plans of several patch sizes cannot have it. In a build without oneDNN the kernels throw.
 */
#pragma once

#include <cstdint>
#include <vector>

#include "../kernels/conv.h"
#include "conv-common.h"

namespace revoxel::ops {

/** A call's variant that stands for oneDNN. */
constexpr int64_t VARIANT_ONEDNN = 1;

/**
 * Floats of scratch (the library's own, then packed weights), or -1 where oneDNN has no real kernel, or is not faster
 * and `always` is false, or is not built in.
 * @param channels input channels of every piece (forward, weight gradient) or of the slice (input gradient).
 */
int64_t onednnCallScratch(const ConvShape& shape, Pass pass, const std::vector<int64_t>& channels, int threads, bool always);

void convOnednn(const Args& args, const ConvShape& shape, int64_t pieces, const float* w, const float* bias);
void convTransposeOnednn(const Args& args, const ConvShape& shape, const float* w, const float* bias, int64_t begin, int64_t count);
void convWeightGradOnednn(const Args& args, const ConvShape& shape, int64_t pieces, float* dw, float* dbias);

}  // namespace revoxel::ops
