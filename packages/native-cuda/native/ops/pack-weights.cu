// packWeights: weights as bf16 or f16 in the order the tensor-core kernels sum them (PackedRow): a row for each result channel.
// Forward rows hold [tap][input channels]; rows of the input gradient hold [tap][output channels] of one input channel, so
// the weights are transposed on the way.
#include "../kernels/conv-tensor-tile.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** packed[row][k]; weights of (row, tap, channel) lie at row * rowStep + tap * tapStep + channel * channelStep. */
template <class E>
struct PackRow {
  const float* w;
  E* packed;
  PackedRow row;
  int64_t rowStep, tapStep, channelStep;

  __device__ void operator()(int64_t i) const {
    const int64_t r = i / row.length;
    const int k = static_cast<int>(i - r * row.length), tap = k / row.pitch, channel = k - tap * row.pitch;
    const bool there = tap < row.taps && channel < row.channels;
    packed[i] = fromFloat<E>(there ? w[r * rowStep + tap * tapStep + channel * channelStep] : 0.0f);
  }
};

constexpr int TILE = 32, TILE_ROWS = 8;
struct TransposeShared {
  float w[TILE][TILE + 1];
};

/** Blocks of 32 x 8 threads turn 32 output channels x 32 input channels of one tap (grid.z). */
template <class E>
__global__ void __launch_bounds__(TILE* TILE_ROWS) packTransposedKernel(const float* w, E* packed, PackedRow row, int rows, int ci) {
  SHARED_STRUCT(TransposeShared, shared);
  const int o0 = blockIdx.x * TILE, r0 = blockIdx.y * TILE, tap = blockIdx.z;
  const int x = threadIdx.x % TILE, y = threadIdx.x / TILE;
#pragma unroll
  for (int k = y; k < TILE; k += TILE_ROWS) {
    const bool there = o0 + k < row.channels && r0 + x < rows;
    shared.w[k][x] = there ? w[(static_cast<int64_t>(o0 + k) * row.taps + tap) * ci + r0 + x] : 0.0f;
  }
  __syncthreads();
#pragma unroll
  for (int k = y; k < TILE; k += TILE_ROWS) {
    if (r0 + k < rows && o0 + x < row.pitch) packed[static_cast<int64_t>(r0 + k) * row.length + static_cast<int64_t>(tap) * row.pitch + o0 + x] = fromFloat<E>(shared.w[x][k]);
  }
}

template <class E>
void packWeightsAs(const Args& args) {
  const auto& attrs = args.attrs<PackWeightsAttrs>();
  const Tensor &w = args.in[0], &packed = args.out[0];
  args.require((w.rank() == 4 || w.rank() == 5) && w.dtype == DType::f32 && packed.dtype == DType::f32 && attrs.groups == 1, "expects f32 convolution weights of one group");
  const int64_t co = w.size(0), ci = w.size(1), taps = w.count / (co * ci);
  E* to = packed.as<E>();
  if (attrs.form == PackWeightsForm::forward) {
    const PackedRow row = PackedRow::of(ci, taps);
    args.require(packed.count == row.elements(co), "the packed form has the wrong size");
    forEach(args, co * row.length, PackRow<E>{w.f32(), to, row, taps * ci, ci, 1});
    return;
  }
  const PackedRow row = PackedRow::of(co, taps);
  args.require(attrs.channelBegin >= 0 && attrs.channelBegin + attrs.channelCount <= ci && packed.count == row.elements(attrs.channelCount), "the packed form has the wrong size");
  const float* from = w.f32() + attrs.channelBegin;
  if (row.flat() || taps > 65535) return forEach(args, attrs.channelCount * row.length, PackRow<E>{from, to, row, 1, ci, taps * ci});
  const dim3 grid(static_cast<unsigned>(ceilDiv(row.pitch, TILE)), static_cast<unsigned>(ceilDiv(attrs.channelCount, TILE)), static_cast<unsigned>(taps));
  launch(args, packTransposedKernel<E>, grid, TILE * TILE_ROWS, 0, from, to, row, static_cast<int>(attrs.channelCount), static_cast<int>(ci));
}

}  // namespace

void packWeights(const Args& args) {
  args.requireOperands(1, 1);
  const auto activations = args.attrs<PackWeightsAttrs>().activations;
  args.require(activations != PackWeightsActivations::f32, "weights of convolutions in f32 stay plain");
  withNarrow(activations == PackWeightsActivations::f16 ? DType::f16 : DType::bf16, [&](auto type) { packWeightsAs<decltype(type)>(args); });
}

}  // namespace revoxel::ops
