/** The grid of a fixed-point stream in device code, and loops over elements in packs of 8 of whatever type. */
#pragma once

#include <fixed-point.h>

#include "element.cuh"

namespace revoxel::streams {

/** 2^g of the grid whose exponent lies at `exponent`. */
__device__ __forceinline__ float scaleOf(const float* exponent) { return ldexpf(1.0f, static_cast<int>(exponent[0])); }

/** 2^-g: the value of k = 1. */
__device__ __forceinline__ float stepOf(const float* exponent) { return ldexpf(1.0f, -static_cast<int>(exponent[0])); }

/** Elements of a pack: 16 bytes of the narrower types. */
constexpr int PACKED = 8;

/**
 * f.template run<N>(i, own) for all elements below n, N of them from i on: N is 8, and 1 at the end. `F` is a plain struct;
 * own = f.begin() is what a thread keeps.
 */
template <class F>
__global__ void __launch_bounds__(BLOCK) packKernel(F f, int64_t n) {
  const int64_t packs = n / PACKED, step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const auto own = f.begin();
  for (int64_t p = first; p < packs; p += step) f.template run<PACKED>(p * PACKED, own);
  if (first < n - packs * PACKED) f.template run<1>(packs * PACKED + first, own);
}

template <class F>
void forEachPack(const Args& args, int64_t n, const F& f) {
  if (n > 0) launch(args, packKernel<F>, gridFor(ceilDiv(n, PACKED)), BLOCK, 0, f, n);
}

}  // namespace revoxel::streams
