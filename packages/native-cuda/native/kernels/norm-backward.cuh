/**
 * Backward norms. With d = x - mean and dz the gradient before the activation: a pass that sums dz and dz * d over slices,
 * one that makes of them what every group takes off, and the pass that writes
 * dx = gamma rstd dz - k1 - d k2,  k1 = rstd mean(gamma dz),  k2 = rstd^2 mean(gamma dz xhat).
 */
#pragma once

#include "norm-shape.cuh"

namespace revoxel {

/** Sums of dz and dz * d over a slice. */
struct GradSums {
  float first, second;
};

template <int M>
struct MergeSums {
  __device__ static __forceinline__ void of(float (&mine)[M], const float (&other)[M]) {
#pragma unroll
    for (int k = 0; k < M; k++) mine[k] += other[k];
  }
};

/** Packs a thread of the backward passes has in flight, of x and of dy each. */
constexpr int NORM_GRAD_CHUNK = 2;

/** Gradient before the activation. */
template <int N>
__device__ __forceinline__ float gradient(const NormLanes<N>& lanes, int k, float distance, float dy, float slope) {
  return lanes.normalised(k, distance) > 0.0f ? dy : slope * dy;
}

/** To partial[set][channel][copy][slice]. */
template <class X, class G, int N>
__global__ void __launch_bounds__(NORM_BLOCK, NORM_BACKWARD_BLOCKS) normGradSumsKernel(NormWalk walk, const X* x, const float* exponent, const float* gamma, const float* beta, const float* mean, const float* rstd, const G* dy, float slope, GradSums* partial) {
  const NormPlace<N> place(walk);
  const float step = gridStep<X>(exponent);
  float sums[2 * N];
#pragma unroll
  for (int k = 0; k < 2 * N; k++) sums[k] = 0.0f;
  if (place.count > 0) {
    const NormLanes<N> lanes(walk, place, step, gamma, beta, mean, rstd);
    const auto add = [&](const Pack<X, N>& xs, const Pack<G, N>& dys) {
#pragma unroll
      for (int k = 0; k < N; k++) {
        const float d = numberOf(xs.at[k]) - lanes.average[k];
        const float dz = gradient(lanes, k, d, toFloat(dys.at[k]), slope);
        sums[k] += dz;
        sums[N + k] = fmaf(dz, d, sums[N + k]);
      }
    };
    const X* from = x + place.first;
    const G* grad = dy + place.first;
    int i = 0;
#pragma unroll 1
    for (; i + NORM_GRAD_CHUNK <= place.count; i += NORM_GRAD_CHUNK) {
      Pack<X, N> xs[NORM_GRAD_CHUNK];
      Pack<G, N> dys[NORM_GRAD_CHUNK];
#pragma unroll
      for (int u = 0; u < NORM_GRAD_CHUNK; u++, from += place.stride, grad += place.stride) {
        xs[u] = loadPack<X, N>(from);
        dys[u] = loadPack<G, N>(grad);
      }
#pragma unroll
      for (int u = 0; u < NORM_GRAD_CHUNK; u++) add(xs[u], dys[u]);
    }
#pragma unroll 1
    for (; i < place.count; i++, from += place.stride, grad += place.stride) add(loadPack<X, N>(from), loadPack<G, N>(grad));
  }
  mergeSlots<MergeSums<2 * N>>(sums, place.slot, place.local, walk.columns, walk.rows, place.active);
  if (!place.active || place.slot != 0) return;
#pragma unroll
  for (int k = 0; k < N; k++) {
    const int64_t lane = static_cast<int64_t>(place.column) * N + k;
    const int64_t channel = place.set * walk.channels + lane % walk.channels;
    partial[(channel * walk.copies + lane / walk.channels) * walk.slices + place.slice] = {sums[k], sums[N + k] * step};
  }
}

/** What is taken off in one group of one set. */
struct GradTerms {
  float k1, k2;
};

/**
 * One group a block, in all sets: sums of every channel (a warp each) to `totals`, then dgamma and dbeta as sums over the
 * sets, and the terms of every set.
 */
__global__ void __launch_bounds__(256) normGradFinishKernel(const GradSums* partial, int64_t count, int64_t sets, int channels, int groups, double members, const float* gamma, const float* rstd, double* totals, GradTerms* terms, float* dgamma, float* dbeta) {
  const int perGroup = channels / groups, group = static_cast<int>(blockIdx.x);
  const int warp = static_cast<int>(threadIdx.x) / 32, warps = static_cast<int>(blockDim.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  for (int64_t item = warp; item < sets * perGroup; item += warps) {
    const int64_t set = item / perGroup, channel = set * channels + group * static_cast<int64_t>(perGroup) + item % perGroup;
    const GradSums* const from = partial + channel * count;
    double first = 0, second = 0;
    for (int64_t i = lane; i < count; i += 32) {
      first += static_cast<double>(from[i].first);
      second += static_cast<double>(from[i].second);
    }
    first = warpSum(first);
    second = warpSum(second);
    if (lane == 0) {
      totals[2 * channel] = first;
      totals[2 * channel + 1] = second * static_cast<double>(rstd[set * groups + group]);
    }
  }
  __syncthreads();
  for (int k = static_cast<int>(threadIdx.x); k < perGroup; k += static_cast<int>(blockDim.x)) {
    const int64_t channel = group * static_cast<int64_t>(perGroup) + k;
    double first = 0, second = 0;
    for (int64_t set = 0; set < sets; set++) {
      first += totals[2 * (set * channels + channel)];
      second += totals[2 * (set * channels + channel) + 1];
    }
    dgamma[channel] = static_cast<float>(second);
    dbeta[channel] = static_cast<float>(first);
  }
  for (int64_t set = warp; set < sets; set += warps) {
    double g = 0, gx = 0;
    for (int k = lane; k < perGroup; k += 32) {
      const int64_t channel = group * static_cast<int64_t>(perGroup) + k;
      g += static_cast<double>(gamma[channel]) * totals[2 * (set * channels + channel)];
      gx += static_cast<double>(gamma[channel]) * totals[2 * (set * channels + channel) + 1];
    }
    g = warpSum(g);
    gx = warpSum(gx);
    if (lane == 0) {
      const double scale = static_cast<double>(rstd[set * groups + group]);
      terms[set * groups + group] = {static_cast<float>(scale * g / members), static_cast<float>(scale * scale * gx / members)};
    }
  }
}

/** dx may lie over x or dy. */
template <class X, class G, int N>
__global__ void __launch_bounds__(NORM_BLOCK, NORM_BACKWARD_BLOCKS) normGradApplyKernel(NormWalk walk, const X* x, const float* exponent, const float* gamma, const float* beta, const float* mean, const float* rstd, const GradTerms* terms, const G* dy, float slope, G* dx) {
  const NormPlace<N> place(walk);
  if (place.count == 0) return;
  const float step = gridStep<X>(exponent);
  const NormLanes<N> lanes(walk, place, step, gamma, beta, mean, rstd);
  float k1[N], k2[N];
  int channel = place.channel(walk);
#pragma unroll
  for (int k = 0; k < N; k++, channel = nextChannel(walk, channel)) {
    const GradTerms term = terms[place.set * walk.groups + groupOf(walk, channel)];
    k1[k] = term.k1;
    k2[k] = term.k2 * step;
  }
  const auto apply = [&](const Pack<X, N>& xs, const Pack<G, N>& dys, int64_t to) {
    Pack<G, N> result;
#pragma unroll
    for (int k = 0; k < N; k++) {
      const float d = numberOf(xs.at[k]) - lanes.average[k];
      const float dz = gradient(lanes, k, d, toFloat(dys.at[k]), slope);
      result.at[k] = fromFloat<G>(fmaf(-d, k2[k], fmaf(lanes.factor[k] * (1.0f / step), dz, -k1[k])));
    }
    storePack<G, N>(dx + to, result);
  };
  // From the end: what the pass before read last is still in the cache.
  int i = place.count;
  int64_t at = place.first + static_cast<int64_t>(i - 1) * place.stride;
#pragma unroll 1
  for (; i >= NORM_GRAD_CHUNK; i -= NORM_GRAD_CHUNK) {
    Pack<X, N> xs[NORM_GRAD_CHUNK];
    Pack<G, N> dys[NORM_GRAD_CHUNK];
#pragma unroll
    for (int u = 0; u < NORM_GRAD_CHUNK; u++) {
      xs[u] = loadPack<X, N>(x + (at - u * place.stride));
      dys[u] = loadPack<G, N>(dy + (at - u * place.stride));
    }
#pragma unroll
    for (int u = 0; u < NORM_GRAD_CHUNK; u++, at -= place.stride) apply(xs[u], dys[u], at);
  }
#pragma unroll 1
  for (; i > 0; i--, at -= place.stride) apply(loadPack<X, N>(x + at), loadPack<G, N>(dy + at), at);
}

}  // namespace revoxel
