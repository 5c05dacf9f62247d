/**
 * Forward norms: moments of slices, merged moments of groups, and the pass that normalises.
 * Source of the merge: Chan, Golub, LeVeque 1983, Algorithms for computing the sample variance.
 */
#pragma once

#include "norm-shape.cuh"

namespace revoxel {

/** Count, mean and sum of squared distances from it. */
struct Moments {
  float n, mean, squares;
};

/** Values of a thread: its count (the same in all lanes), N means, N sums of squares. */
template <int N>
struct MergeMoments {
  __device__ static __forceinline__ void of(float (&mine)[2 * N + 1], const float (&other)[2 * N + 1]) {
    const float n = mine[2 * N] + other[2 * N];
    const float share = n > 0.0f ? other[2 * N] / n : 0.0f;
    const float cross = mine[2 * N] * share;
#pragma unroll
    for (int k = 0; k < N; k++) {
      const float delta = other[k] - mine[k];
      mine[k] = fmaf(delta, share, mine[k]);
      mine[N + k] += fmaf(delta * delta, cross, other[N + k]);
    }
    mine[2 * N] = n;
  }
};

/** Merges U packs, in units of the grid. They are taken relative to the mean so far, so that large means cost no digits. */
template <int U, class X, int N>
__device__ __forceinline__ void addPacks(float (&moments)[2 * N + 1], const Pack<X, N> (&x)[U]) {
  const float n = moments[2 * N] + U;
  const float share = 1.0f / n;
  const float cross = moments[2 * N] * U * share;
#pragma unroll
  for (int k = 0; k < N; k++) {
    float d[U], sum = 0.0f, squares = 0.0f;
#pragma unroll
    for (int u = 0; u < U; u++) {
      d[u] = numberOf(x[u].at[k]) - moments[k];
      sum += d[u];
    }
    const float delta = sum * (1.0f / U);
#pragma unroll
    for (int u = 0; u < U; u++) squares = fmaf(d[u] - delta, d[u] - delta, squares);
    moments[k] = fmaf(sum, share, moments[k]);
    moments[N + k] += fmaf(delta * delta, cross, squares);
  }
  moments[2 * N] = n;
}

/** Moments of every channel over a slice, to partial[set][channel][copy][slice]. */
template <class X, int N>
__global__ void __launch_bounds__(NORM_BLOCK, NORM_FORWARD_BLOCKS) normMomentsKernel(NormWalk walk, const X* x, const float* exponent, Moments* partial) {
  const NormPlace<N> place(walk);
  float moments[2 * N + 1];
#pragma unroll
  for (int k = 0; k < 2 * N + 1; k++) moments[k] = 0.0f;
  const X* at = x + place.first;
  int i = 0;
#pragma unroll 1
  for (; i + NORM_CHUNK <= place.count; i += NORM_CHUNK) {
    Pack<X, N> chunk[NORM_CHUNK];
#pragma unroll
    for (int u = 0; u < NORM_CHUNK; u++, at += place.stride) chunk[u] = loadPack<X, N>(at);
    addPacks<NORM_CHUNK, X, N>(moments, chunk);
  }
#pragma unroll 1
  for (; i < place.count; i++, at += place.stride) {
    const Pack<X, N> rest[1] = {loadPack<X, N>(at)};
    addPacks<1, X, N>(moments, rest);
  }
  mergeSlots<MergeMoments<N>>(moments, place.slot, place.local, walk.columns, walk.rows, place.active);
  if (!place.active || place.slot != 0) return;
  const float step = gridStep<X>(exponent);
#pragma unroll
  for (int k = 0; k < N; k++) {
    const int64_t lane = static_cast<int64_t>(place.column) * N + k;
    const int64_t channel = place.set * walk.channels + lane % walk.channels;
    partial[(channel * walk.copies + lane / walk.channels) * walk.slices + place.slice] = {moments[2 * N], moments[k] * step, moments[N + k] * step * step};
  }
}

/** Mean and 1 / sqrt(var + eps) of one group a block, from `count` partial moments that lie in one piece. */
__global__ void __launch_bounds__(128) normFinishKernel(const Moments* partial, int64_t count, double members, double eps, float* mean, float* rstd) {
  const Moments* const from = partial + blockIdx.x * count;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += static_cast<double>(from[i].n) * static_cast<double>(from[i].mean);
  const double average = blockSum(sum) / members;
  double squares = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) {
    const double d = static_cast<double>(from[i].mean) - average;
    squares += static_cast<double>(from[i].squares) + static_cast<double>(from[i].n) * d * d;
  }
  squares = blockSum(squares);
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = static_cast<float>(average);
    rstd[blockIdx.x] = static_cast<float>(1.0 / sqrt(squares / members + eps));
  }
}

/** y = leaky ReLU (gamma * rstd * (x - mean) + beta); y may lie over x. */
template <class X, class Y, int N>
__global__ void __launch_bounds__(NORM_BLOCK, NORM_FORWARD_BLOCKS) normApplyKernel(NormWalk walk, const X* x, const float* exponent, const float* gamma, const float* beta, const float* mean, const float* rstd, float slope, Y* y) {
  const NormPlace<N> place(walk);
  if (place.count == 0) return;
  const NormLanes<N> lanes(walk, place, gridStep<X>(exponent), gamma, beta, mean, rstd);
  const auto apply = [&](const Pack<X, N>& pack, Y* to) {
    Pack<Y, N> result;
#pragma unroll
    for (int k = 0; k < N; k++) {
      const float z = lanes.normalised(k, numberOf(pack.at[k]) - lanes.average[k]);
      result.at[k] = fromFloat<Y>(z > 0.0f ? z : slope * z);
    }
    storePack<Y, N>(to, result);
  };
  // From the end: what the statistics pass read last is still in the cache.
  int i = place.count;
  const int64_t last = place.first + static_cast<int64_t>(i - 1) * place.stride;
  const X* from = x + last;
  Y* to = y + last;
#pragma unroll 1
  for (; i >= NORM_CHUNK; i -= NORM_CHUNK) {
    Pack<X, N> chunk[NORM_CHUNK];
#pragma unroll
    for (int u = 0; u < NORM_CHUNK; u++, from -= place.stride) chunk[u] = loadPack<X, N>(from);
#pragma unroll
    for (int u = 0; u < NORM_CHUNK; u++, to -= place.stride) apply(chunk[u], to);
  }
#pragma unroll 1
  for (; i > 0; i--, from -= place.stride, to -= place.stride) apply(loadPack<X, N>(from), to);
}

}  // namespace revoxel
