// resampleGrad: gradient of a resampling's matrices. A block of threads takes some channels and a slice of the positions:
// fp32 sums of the pairs in registers, then in float64 over its threads, then over the slices, all in a fixed order.
#include "../kernels/voxel-blocks.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

using voxels::Blocks;

/** Most channels of a block of threads. */
constexpr int64_t CHANNELS = 32;
/** Positions that a thread takes at least, where there are enough. */
constexpr int64_t POSITIONS = 8;

/** How the work is cut; mirrored in src/scratch/streams.ts. */
struct Cut {
  int64_t tiles, channels, rows, slices;

  /** Blocks of 2, 4, 8 voxels: a thread for a channel. */
  static Cut ofChannels(const Blocks& b, int64_t multiprocessors) {
    const int64_t tiles = ceilDiv(b.channels, CHANNELS), channels = ceilDiv(b.channels, tiles), rows = BLOCK / channels;
    return {tiles, channels, rows, std::max<int64_t>(1, std::min(ceilDiv(2 * multiprocessors, tiles), ceilDiv(b.positions, POSITIONS * rows)))};
  }
  /** Others: a thread for an entry of a matrix. */
  static Cut ofEntries(const Blocks& b, int64_t multiprocessors) {
    const int64_t entries = b.width() * b.s;
    return {0, 0, 0, std::max<int64_t>(1, std::min(ceilDiv(b.positions, 8 * POSITIONS), multiprocessors * 1024 / entries))};
  }
};

template <class T, int S>
struct Products {
  const T *large, *small;
  /** [slice][channel][row][column] */
  double* partial;
  Blocks b;
  int64_t voxel[S];
  int channels, rows;
  int64_t perSlice;
};

template <int S>
struct Rows {
  float at[S][BLOCK];
};

template <class T, int S>
__global__ void __launch_bounds__(BLOCK, S == 8 ? 2 : 4) productsKernel(Products<T, S> a) {
  const int row = static_cast<int>(threadIdx.x) / a.channels, lane = static_cast<int>(threadIdx.x) - row * a.channels;
  const int64_t firstChannel = static_cast<int64_t>(blockIdx.x) * a.channels, c = firstChannel + lane;
  float sums[S * S] = {};
  if (row < a.rows && c < a.b.channels) {
    const int64_t begin = blockIdx.y * a.perSlice, end = begin + a.perSlice < a.b.positions ? begin + a.perSlice : a.b.positions;
    for (int64_t position = begin + row; position < end; position += a.rows) {
      const uint32_t p = static_cast<uint32_t>(position);
      const int64_t large = a.b.largeAt(p) + c, small = a.b.smallAt(p) + a.b.channelAt(static_cast<uint32_t>(c), 0);
      Pack<T, S> xs, ys;
#pragma unroll
      for (int k = 0; k < S; k++) xs.at[k] = a.large[large + a.voxel[k]];
      if (a.b.channelMajor) {
        ys = loadPack<T, S>(a.small + small);
      } else {
#pragma unroll
        for (int o = 0; o < S; o++) ys.at[o] = a.small[small + o * a.b.channels];
      }
#pragma unroll
      for (int o = 0; o < S; o++) {
#pragma unroll
        for (int k = 0; k < S; k++) sums[o * S + k] += toFloat(ys.at[o]) * toFloat(xs.at[k]);
      }
    }
  }
  SHARED_STRUCT(Rows<S>, shared);
  // One row of the matrices at a time.
#pragma unroll
  for (int o = 0; o < S; o++) {
    __syncthreads();
#pragma unroll
    for (int k = 0; k < S; k++) shared.at[k][threadIdx.x] = sums[o * S + k];
    __syncthreads();
    // `row` is a column of the matrix here.
    const int64_t count = a.b.channels - firstChannel;
    if (row < S && lane < count) {
      double total = 0;
      for (int r = 0; r < a.rows; r++) total += static_cast<double>(shared.at[row][r * a.channels + lane]);
      a.partial[((blockIdx.y * a.b.channels + c) * S + o) * S + row] = total;
    }
  }
}

template <class T>
struct Entries {
  const T *large, *small;
  double* partial;
  Blocks b;
  int64_t slices;

  __device__ void operator()(int64_t i) const {
    const int64_t s = b.s, entries = b.channels * s * s, slice = i / entries, place = i - slice * entries;
    const int64_t pair = place / b.channels, c = place - pair * b.channels, o = pair / s, k = pair - o * s;
    const int64_t largeStep = b.voxelAt(static_cast<uint32_t>(k)) + c, smallStep = b.channelAt(static_cast<uint32_t>(c), static_cast<uint32_t>(o));
    double sum = 0;
    for (int64_t position = slice; position < b.positions; position += slices) {
      const uint32_t p = static_cast<uint32_t>(position);
      sum += static_cast<double>(toFloat(small[b.smallAt(p) + smallStep])) * static_cast<double>(toFloat(large[b.largeAt(p) + largeStep]));
    }
    partial[slice * entries + (c * s + o) * s + k] = sum;
  }
};

/** A warp for every result: `count` terms that lie `results` apart. */
__global__ void __launch_bounds__(BLOCK) finishKernel(const double* partial, int64_t count, int64_t results, int64_t s, float* dm) {
  const int64_t result = static_cast<int64_t>(blockIdx.x) * (BLOCK / 32) + threadIdx.x / 32;
  if (result >= results) return;
  double sum = 0;
  for (int64_t i = threadIdx.x % 32; i < count; i += 32) sum += partial[i * results + result];
  for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
  if (threadIdx.x % 32 != 0) return;
  const int64_t matrix = result / (s * s), o = result / s % s, k = result % s;
  // Tensors of rank 3 have axis 1, the row, last in memory.
  dm[(matrix * s + k) * s + o] = static_cast<float>(sum);
}

template <class T, int S>
void sumChannels(const Args& args, const Blocks& b, const Cut& cut, double* partial) {
  Products<T, S> a{args.in[0].as<T>(), args.in[1].as<T>(), partial, b, {}, static_cast<int>(cut.channels), static_cast<int>(cut.rows), ceilDiv(b.positions, cut.slices)};
  for (int k = 0; k < S; k++) a.voxel[k] = b.voxelAt(static_cast<uint32_t>(k));
  launch(args, productsKernel<T, S>, dim3(static_cast<unsigned>(cut.tiles), static_cast<unsigned>(cut.slices)), BLOCK, 0, a);
}

}  // namespace

void resampleGrad(const Args& args) {
  args.requireOperands(2, 1);
  const auto& attrs = args.attrs<ResampleGradAttrs>();
  const Tensor &large = args.in[0], &small = args.in[1], &dm = args.out[0];
  args.require(large.dtype == small.dtype && dm.dtype == DType::f32, "expects two float tensors of one dtype and an f32 result");
  const Blocks b = Blocks::of(args, large, small, attrs.stride, attrs.order == SqueezeOrder::channelMajor);
  const int64_t entries = static_cast<int64_t>(b.s) * b.s, results = (attrs.shared ? 1 : b.channels) * entries;
  args.require(dm.count == results, "the result has the wrong size");
  const bool inRegisters = b.s == 2 || b.s == 4 || b.s == 8;
  const Cut cut = inRegisters ? Cut::ofChannels(b, args.device->multiprocessors) : Cut::ofEntries(b, args.device->multiprocessors);
  double* const partial = args.scratchOf<double>(cut.slices * b.channels * entries);
  withFloat(large.dtype, [&](auto type) {
    using T = decltype(type);
    switch (b.s) {
      case 2: return sumChannels<T, 2>(args, b, cut, partial);
      case 4: return sumChannels<T, 4>(args, b, cut, partial);
      case 8: return sumChannels<T, 8>(args, b, cut, partial);
      default: return forEach(args, cut.slices * b.channels * entries, Entries<T>{large.as<T>(), small.as<T>(), partial, b, cut.slices});
    }
  });
  launch(args, finishKernel, dim3(static_cast<unsigned>(ceilDiv(results, BLOCK / 32))), BLOCK, 0, partial, cut.slices * (attrs.shared ? b.channels : 1), results, static_cast<int64_t>(b.s), dm.f32());
}

}  // namespace revoxel::ops
