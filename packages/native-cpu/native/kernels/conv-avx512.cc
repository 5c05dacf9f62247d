// The convolution kernels compiled for AVX-512 F, VL, BW and DQ. Chosen at run time by conv.cc.
// Empty on other architectures. The target is switched in the source because build systems such as node-gyp have
// no flags per file; all headers come first, so that no shared inline function is compiled with the wider set.
#if defined(__x86_64__)
#include <immintrin.h>

#include <cstdint>

#include "conv-job.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx,avx2,fma,f16c,bmi,bmi2,avx512f,avx512vl,avx512bw,avx512dq"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx,avx2,fma,f16c,bmi,bmi2,avx512f,avx512vl,avx512bw,avx512dq")
#endif
#define REVOXEL_ISA_LEVEL 2
#define REVOXEL_ISA_NAMESPACE kernels_avx512
#include "simd.inl"
#include "conv-gather.inl"
#include "conv-reduce.inl"

namespace revoxel {

template <>
const ConvKernels<float>& convKernelsAvx512<float>() {
  return kernels_avx512::kernels<float>();
}
template <>
const ConvKernels<Bf16>& convKernelsAvx512<Bf16>() {
  return kernels_avx512::kernels<Bf16>();
}

}  // namespace revoxel

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
