/**
 * Launching kernels of a call: limits are checked when the plan is loaded (a dry call), errors carry what was launched.
 */
#pragma once

#include <algorithm>
#include <mutex>
#include <string>

#include "../core/args.h"
#include "../core/check.h"
#include "../port/device.cuh"

namespace revoxel {

inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** Threads of usual blocks. */
constexpr int BLOCK = 256;

/** Blocks of BLOCK threads for `n` pieces of work in a loop over the grid: enough to fill any device, never too many. */
inline unsigned gridFor(int64_t n) { return static_cast<unsigned>(std::min<int64_t>(std::max<int64_t>(ceilDiv(n, BLOCK), 1), 65536)); }

/** Lets `kernel` ask for `shared` bytes. The setting belongs to the function in the whole process, so it only ever grows. */
template <class... P>
void allowShared(void (*kernel)(P...), int shared) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  cudaFuncAttributes attributes;
  check(cudaFuncGetAttributes(&attributes, kernel), "cudaFuncGetAttributes");
  if (attributes.maxDynamicSharedSizeBytes < shared) check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared), "cudaFuncSetAttribute");
}

/**
 * Launches `kernel` for `args`. `shared`: bytes of dynamic shared memory. In a dry call only checks the launch against the
 * device. Throws Error ERR_PLAN when the device cannot do it.
 */
template <class... P, class... A>
void launch(const Args& args, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, A&&... parameters) {
  if (args.dry) {
    const uint64_t threads = static_cast<uint64_t>(block.x) * block.y * block.z;
    if (threads == 0 || threads > 1024 || grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) {
      throw Error("ERR_PLAN", "needs a grid of " + std::to_string(grid.x) + " x " + std::to_string(grid.y) + " x " + std::to_string(grid.z) + " blocks of " + std::to_string(threads) + " threads");
    }
    if (static_cast<int64_t>(shared) > args.device->sharedPerBlock) {
      throw Error("ERR_PLAN", "needs " + std::to_string(shared) + " bytes of shared memory, the device has " + std::to_string(args.device->sharedPerBlock));
    }
    if (shared > 48 * 1024) allowShared(kernel, static_cast<int>(shared));
    return;
  }
  check(launchKernel(kernel, grid, block, shared, args.stream, std::forward<A>(parameters)...), "launch");
}

/** f(i) for every i in 0 .. n - 1: `F` is a plain struct with a const __device__ operator(). */
template <class F>
__global__ void __launch_bounds__(BLOCK) eachKernel(F f, int64_t n) {
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += static_cast<int64_t>(gridDim.x) * blockDim.x) f(i);
}

template <class F>
void forEach(const Args& args, int64_t n, const F& f) {
  if (n > 0) launch(args, eachKernel<F>, gridFor(n), BLOCK, 0, f, n);
}

}  // namespace revoxel
