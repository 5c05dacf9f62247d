// The convolution kernels compiled for the build's baseline (SSE2 on x86-64, NEON on AArch64, plain vectors elsewhere). Chosen at run time by conv.cc.
#include <cstdint>
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "conv-job.h"

#define REVOXEL_ISA_LEVEL 0
#define REVOXEL_ISA_NAMESPACE kernels_portable
#include "simd.inl"
#include "conv-gather.inl"
#include "conv-reduce.inl"

namespace revoxel {

template <>
const ConvKernels<float>& convKernelsPortable<float>() {
  return kernels_portable::kernels<float>();
}
template <>
const ConvKernels<Bf16>& convKernelsPortable<Bf16>() {
  return kernels_portable::kernels<Bf16>();
}

}  // namespace revoxel
