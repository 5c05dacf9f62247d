/**
 * How the norm kernels walk a tensor. A statistics set (a sample, or the whole batch) is a flat array in which channels
 * repeat with period C; in packs of 16 bytes they repeat with period C / gcd(C, pack). A thread stays in one column of
 * that period, so every lane of its packs belongs to one channel throughout, whatever C is, and neighbouring threads
 * read neighbouring packs. Everything is a function of shape, dtype and the number of multiprocessors alone; the scratch
 * it gives is mirrored by src/scratch/norm.ts.
 */
#pragma once

#include <fixed-point.h>

#include <numeric>
#include <type_traits>

#include "element.cuh"

namespace revoxel {

constexpr int NORM_BLOCK = 256;
/** Packs of a chunk: what a thread of the statistics pass has in flight. */
constexpr int NORM_CHUNK = 4;
/** Blocks a multiprocessor is given, all resident at once, in forward and backward passes. */
constexpr int NORM_FORWARD_BLOCKS = 4;
constexpr int NORM_BACKWARD_BLOCKS = 3;

struct NormShape {
  /** Sets, packs and elements of one. */
  int64_t sets, packs, elements;
  int64_t channels, groups, perGroup;
  /** Elements of a pack: 16 bytes of the widest operand, or 1 where sets do not end with whole packs. */
  int pack;
  /** Packs after which channels repeat, and how often a channel occurs in them. */
  int64_t period, copies;
  /** Columns of a block, blocks across the period, periods a block reads at once. */
  int64_t columns, tiles, rows;
  /** Slices of a set, each of `steps` times `rows` periods. */
  int64_t slices, steps;

  /** @param bytes - of an element of the widest operand. @param blocks - most of all sets together, unless there are more sets. */
  NormShape(const Tensor& x, bool batch, int64_t groupCount, int64_t bytes, int blocks) {
    channels = x.channels();
    sets = batch ? 1 : x.samples();
    perGroup = batch ? 1 : channels / groupCount;
    groups = channels / perGroup;
    elements = x.count / sets;
    pack = static_cast<int>(16 / bytes);
    if (elements % pack != 0) pack = 1;
    packs = elements / pack;
    copies = pack / std::gcd(channels, static_cast<int64_t>(pack));
    period = channels * copies / pack;
    tiles = ceilDiv(period, NORM_BLOCK);
    columns = ceilDiv(period, tiles);
    rows = NORM_BLOCK / columns;
    const int64_t all = ceilDiv(packs, period * rows);
    const int64_t most = std::max<int64_t>(blocks / (sets * tiles), 1);
    steps = ceilDiv(all, std::min(ceilDiv(all, NORM_CHUNK), most));
    slices = ceilDiv(all, steps);
  }

  /** Results of one channel of one set that the first pass leaves to the second. */
  int64_t partials() const { return copies * slices; }
  int64_t members() const { return elements / channels * perGroup; }
  dim3 grid() const { return dim3(static_cast<unsigned>(sets * slices), static_cast<unsigned>(tiles)); }
  dim3 block() const { return dim3(static_cast<unsigned>(ceilDiv(columns * rows, 32) * 32)); }
};

/** The part of it that kernels use, with the divisors narrowed. */
struct NormWalk {
  int64_t packs, elements, steps;
  int channels, groups, perGroup, period, columns, rows, slices, copies;

  explicit NormWalk(const NormShape& s)
      : packs(s.packs), elements(s.elements), steps(s.steps), channels(static_cast<int>(s.channels)), groups(static_cast<int>(s.groups)), perGroup(static_cast<int>(s.perGroup)), period(static_cast<int>(s.period)), columns(static_cast<int>(s.columns)), rows(static_cast<int>(s.rows)), slices(static_cast<int>(s.slices)), copies(static_cast<int>(s.copies)) {}
};

/** Where a thread stands: its packs are `first`, `first + stride`, ..., `count` of them, in elements. */
template <int N>
struct NormPlace {
  int64_t set, first;
  int slice, slot, local, column, count, stride;
  bool active;

  __device__ explicit NormPlace(const NormWalk& w) {
    set = blockIdx.x / static_cast<unsigned>(w.slices);
    slice = static_cast<int>(blockIdx.x % static_cast<unsigned>(w.slices));
    slot = static_cast<int>(threadIdx.x) / w.columns;
    local = static_cast<int>(threadIdx.x) % w.columns;
    column = static_cast<int>(blockIdx.y) * w.columns + local;
    active = slot < w.rows && column < w.period;
    const int64_t row = slice * w.steps * w.rows + slot;
    const int64_t pack = row * w.period + column;
    const int step = w.rows * w.period;
    const int64_t left = active && pack < w.packs ? (w.packs - pack + step - 1) / step : 0;
    count = static_cast<int>(left < w.steps ? left : w.steps);
    first = set * w.elements + pack * N;
    stride = step * N;
  }

  /** Channel of lane 0; the next lane has the next channel, around the period. */
  __device__ int channel(const NormWalk& w) const { return static_cast<int>(static_cast<int64_t>(column) * N % w.channels); }
};

__device__ __forceinline__ int nextChannel(const NormWalk& w, int channel) { return channel + 1 == w.channels ? 0 : channel + 1; }

/** Statistic of a channel within its set. */
__device__ __forceinline__ int groupOf(const NormWalk& w, int channel) { return w.perGroup == 1 ? channel : channel / w.perGroup; }

/**
 * An element as a number, k itself of a fixed-point one. What it is compared and multiplied with is brought to units of
 * the grid instead: powers of two change no digit.
 */
__device__ __forceinline__ float numberOf(float v) { return v; }
__device__ __forceinline__ float numberOf(Bf16 v) { return toFloat(v); }
__device__ __forceinline__ float numberOf(F16 v) { return toFloat(v); }
__device__ __forceinline__ float numberOf(int16_t k) { return static_cast<float>(k); }
__device__ __forceinline__ float numberOf(int32_t k) { return static_cast<float>(k); }

/** 2^-g, the value of k = 1, from the operand that holds g; 1 of floats. */
template <class X>
__device__ __forceinline__ float gridStep(const float* exponent) {
  if constexpr (std::is_integral_v<X>) return ldexpf(1.0f, -static_cast<int>(exponent[0]));
  return 1.0f;
}

/** Per lane: mean in units of the grid, gamma * rstd per unit, beta. */
template <int N>
struct NormLanes {
  float average[N], factor[N], offset[N];

  __device__ __forceinline__ NormLanes(const NormWalk& walk, const NormPlace<N>& place, float step, const float* gamma, const float* beta, const float* mean, const float* rstd) {
    int channel = place.channel(walk);
#pragma unroll
    for (int k = 0; k < N; k++, channel = nextChannel(walk, channel)) {
      const int64_t statistic = place.set * walk.groups + groupOf(walk, channel);
      average[k] = mean[statistic] * (1.0f / step);
      factor[k] = gamma[channel] * rstd[statistic] * step;
      // Without an activation the slope is 1 and the sign of z does not matter to the reverse rule.
      offset[k] = beta ? beta[channel] : 0.0f;
    }
  }

  /** The normalised value before the activation. Forward and backward find its sign with this one rule. */
  __device__ __forceinline__ float normalised(int k, float distance) const { return fmaf(distance, factor[k], offset[k]); }
};

/** Values of the threads that give theirs away; one slot gives at most half a block's. */
template <int M>
struct NormExchange {
  float at[M][NORM_BLOCK / 2];
};

/**
 * Merges the values of all slots of a column into slot 0, in a fixed order. Called by all threads of the block. `Merge`:
 * static void of(float (&mine)[M], const float (&other)[M]).
 */
template <class Merge, int M>
__device__ __forceinline__ void mergeSlots(float (&mine)[M], int slot, int local, int columns, int rows, bool active) {
  SHARED_STRUCT(NormExchange<M>, exchange);
  int half = 1;
  while (2 * half < rows) half *= 2;
  if (rows == 1) half = 0;
  for (; half > 0; half /= 2) {
    if (active && slot >= half && slot < 2 * half) {
#pragma unroll
      for (int k = 0; k < M; k++) exchange.at[k][(slot - half) * columns + local] = mine[k];
    }
    __syncthreads();
    if (active && slot < half && slot + half < rows) {
      float other[M];
#pragma unroll
      for (int k = 0; k < M; k++) other[k] = exchange.at[k][slot * columns + local];
      Merge::of(mine, other);
    }
    __syncthreads();
  }
}

/** Sum over the lanes of a warp, in every lane. */
__device__ __forceinline__ double warpSum(double v) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) v += __shfl_xor_sync(0xffffffffu, v, offset);
  return v;
}

/** Sum over the threads of a block of at most 8 warps, in every thread. */
__device__ __forceinline__ double blockSum(double v) {
  struct Sums {
    double of[8];
  };
  SHARED_STRUCT(Sums, sums);
  v = warpSum(v);
  const int warps = static_cast<int>(blockDim.x) / 32;
  __syncthreads();
  if (threadIdx.x % 32 == 0) sums.of[threadIdx.x / 32] = v;
  __syncthreads();
  double total = 0;
  for (int w = 0; w < warps; w++) total += sums.of[w];
  return total;
}

/** Calls body(T{}) with the element type of x: float, Bf16, F16, int16_t or int32_t. */
template <class Body>
void withAny(DType dtype, const Body& body) {
  if (isFixed(dtype)) withFixed(dtype, body);
  else withFloat(dtype, body);
}

}  // namespace revoxel
