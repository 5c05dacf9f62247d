/**
 * Convolutions on tensor cores: bf16 or f16 activations and packed weights of the same type, fp32 sums in a fixed order, groups == 1, any
 * channel counts. Which of the kernels runs is the call's variant (src/kernels.ts); packed weights are rows of
 * [taps][channels], see PackedRow.
 */
#pragma once

#include <algorithm>

#include "conv-shape.h"

namespace revoxel {

/** Variants of conv, convTranspose and convWeightGrad; 0 is conv-plain.h. */
enum ConvVariant : int64_t { CONV_PLAIN = 0, CONV_GATHER = 1, CONV_BRICK = 2 };

/**
 * One row of packed weights: the weights of one result channel, [tap][pitch] with the channels that are summed over last.
 * Zeros fill what is added: few channels (an image) stay as they are and only the row's end is filled, else channels are
 * filled up to a multiple of 8, so that every 16-byte piece belongs to one tap. Mirrored by src/conv-tensor.ts.
 */
struct PackedRow {
  int channels, pitch, taps;
  int length;

  static PackedRow of(int64_t channels, int64_t taps) {
    PackedRow row{};
    row.channels = static_cast<int>(channels);
    row.taps = static_cast<int>(taps);
    row.pitch = channels < 8 ? row.channels : (row.channels + 7) / 8 * 8;
    row.length = (row.taps * row.pitch + 7) / 8 * 8;
    return row;
  }
  bool flat() const { return channels < 8; }
  /** f32 units that `rows` of these take. */
  int64_t elements(int64_t rows) const { return rows * length / 2; }
};

/** Most bytes that partial sums of a call take. Mirrored by src/scratch/conv-tensor.ts, as are the two below. */
constexpr int64_t CONV_PARTIAL_BYTES = 15'000'000;

/** Parts that the sum over `steps` pieces of 32 is cut into, so that `blocks` blocks for each fill the device with two a multiprocessor. */
inline int convSplits(int64_t multiprocessors, int64_t blocks, int64_t steps, int64_t results) {
  const int64_t splits = std::min({2 * multiprocessors / blocks, steps / 4, CONV_PARTIAL_BYTES / (4 * results)});
  return static_cast<int>(std::max<int64_t>(splits, 1));
}

/** Slices of voxels whose weight gradients are summed apart. `blocks`: wanted in all; `tiles`: of one slice. */
inline int convSlices(int64_t blocks, int64_t tiles, int64_t most, int64_t results) {
  const int64_t slices = std::min({blocks / tiles, most, CONV_PARTIAL_BYTES / (4 * results)});
  return static_cast<int>(std::max<int64_t>(slices, 1));
}

/** Whether 3x3x3 (or 3x3, 1x3x3) with stride 1 that keeps the size. */
inline bool isConvBrick(const ConvShape& s) {
  const bool depth = (s.kd == 3 && s.pd == 1) || (s.kd == 1 && s.pd == 0);
  return depth && s.kh == 3 && s.kw == 3 && s.ph == 1 && s.pw == 1 && s.sd == 1 && s.sh == 1 && s.sw == 1 && s.dd == 1 && s.dh == 1 && s.dw == 1 && s.id == s.od && s.ih == s.oh && s.iw == s.ow;
}

/** y = conv(x, w) + bias; w: rows of `co`, PackedRow of (ci, taps); bias may be null. */
void convTensor(const Args& args, const ConvShape& shape, const ConvPieces& x, const void* w, const float* bias, void* y, DType dtype);

/** A slice of `channelCount` channels of the transpose; w: rows of channelCount, PackedRow of (co, taps). */
void convTransposeTensor(const Args& args, const ConvShape& shape, const ConvPieces& y, const void* w, const float* bias, int channelCount, void* x, DType dtype);

/** dw [co][taps][ci] in f32, and dbias unless it is null. */
void convWeightGradTensor(const Args& args, const ConvShape& shape, const ConvPieces& x, const void* dy, float* dw, float* dbias, DType dtype);

/** Parts of these, one file each. Bricks are for bf16. */
void convBrick(const Args& args, const ConvShape& shape, const ConvPieces& x, const void* w, const float* bias, int results, bool mirror, void* y);
void convWeightGradBrick(const Args& args, const ConvShape& shape, const ConvPieces& x, const void* dy, float* dw, float* dbias);
void convWeightGradGather(const Args& args, const ConvShape& shape, const ConvPieces& x, const void* dy, float* dw, float* dbias, DType dtype);

}  // namespace revoxel
