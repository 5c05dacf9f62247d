/**
 * Device code's vocabulary for both compilers: nvcc (real PTX) and g++ (the emulator). The only place with assembly.
 * Kernels use these names, never `<<<>>>`, `extern __shared__`, `__constant__` or asm of their own.
 */
#pragma once

#include "runtime.h"

#if !defined(REVOXEL_CUDA_EMULATED)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cstdint>
#define SHARED_STRUCT(T, name) __shared__ T name
#define DYN_SHARED(T, name)                              \
  extern __shared__ __align__(128) unsigned char dynRaw[]; \
  T &name = *reinterpret_cast<T *>(dynRaw)
// The same as an array whose length the launch decides.
#define DYN_SHARED_ARRAY(T, name)                        \
  extern __shared__ __align__(128) unsigned char dynRaw[]; \
  T *const name = reinterpret_cast<T *>(dynRaw)
template <class... P, class... A>
inline cudaError_t launchKernel(void (*k)(P...), dim3 g, dim3 b, size_t dyn, cudaStream_t s, A &&...a) {
  cudaLaunchConfig_t c{};
  c.gridDim = g; c.blockDim = b; c.dynamicSmemBytes = dyn; c.stream = s;
  return cudaLaunchKernelEx(&c, k, static_cast<P>(a)...);
}
__device__ __forceinline__ unsigned smemAddr(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }
__device__ __forceinline__ void mmaBf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};\n"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();   // the planner never picks bf16 on sm_75
#endif
}
__device__ __forceinline__ void mmaF16k8(float (&d)[4], const unsigned *a, const unsigned *b) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5},{%6},{%0,%1,%2,%3};\n"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(b[0]));
}
__device__ __forceinline__ void mmaF16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};\n"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else   // Turing: two k=8 steps
  mmaF16k8(d, a, b); mmaF16k8(d, a + 2, b + 1);
#endif
}
__device__ __forceinline__ void mmaTf32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};\n"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}
__device__ __forceinline__ void ldsm4(unsigned (&r)[4], const void *p) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3},[%4];\n" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(smemAddr(p)) : "memory");
}
__device__ __forceinline__ void ldsm4t(unsigned (&r)[4], const void *p) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3},[%4];\n" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(smemAddr(p)) : "memory");
}
__device__ __forceinline__ void cpAsync16(void *dst, const void *src, bool valid) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0],[%1],16,%2;\n" ::"r"(smemAddr(dst)), "l"(src), "r"(valid ? 16 : 0) : "memory");
#else
  uint4 v = make_uint4(0, 0, 0, 0);
  if (valid) v = *reinterpret_cast<const uint4 *>(src);
  *reinterpret_cast<uint4 *>(dst) = v;
#endif
}
__device__ __forceinline__ void cpCommit() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
}
template <int N> __device__ __forceinline__ void cpWait() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;\n" ::"n"(N) : "memory");
#endif
}
// Stores to global memory in one instruction: the compiler splits plain ones into elements and does not always join them.
// Not for shared memory: the state space is part of the instruction.
__device__ __forceinline__ void storeWords(uint4 *to, uint4 v) { asm volatile("st.global.v4.u32 [%0],{%1,%2,%3,%4};\n" ::"l"(__cvta_generic_to_global(to)), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory"); }
__device__ __forceinline__ void storeWords(uint2 *to, uint2 v) { asm volatile("st.global.v2.u32 [%0],{%1,%2};\n" ::"l"(__cvta_generic_to_global(to)), "r"(v.x), "r"(v.y) : "memory"); }
#else
#define SHARED_STRUCT(T, name) static char name##Key; T &name = emu::shared<T>(&name##Key)
#define DYN_SHARED(T, name)                                                                              \
  if (sizeof(T) > emu::blk->dynBytes) emu::fail("dynamic shared memory smaller than " #T);               \
  T &name = *static_cast<T *>(emu::blk->dyn.get())
#define DYN_SHARED_ARRAY(T, name) T *const name = static_cast<T *>(emu::blk->dyn.get())
using emu::launchKernel;
#define mmaBf16(d, a, b) emu::mma<emu::Ty::BF16, 16>(d, a, b, __FILE__, __LINE__)
#define mmaF16(d, a, b) emu::mma<emu::Ty::F16, 16>(d, a, b, __FILE__, __LINE__)
#define mmaF16k8(d, a, b) emu::mma<emu::Ty::F16, 8>(d, a, b, __FILE__, __LINE__)
#define mmaTf32(d, a, b) emu::mma<emu::Ty::TF32, 8>(d, a, b, __FILE__, __LINE__)
#define ldsm4(r, p) emu::ldmatrix<4, false>(r, p, __FILE__, __LINE__)
#define ldsm4t(r, p) emu::ldmatrix<4, true>(r, p, __FILE__, __LINE__)
inline void cpAsync16(void *d, const void *s, bool valid) { emu::cpAsync(d, s, 16, valid ? 16 : 0); }
inline void cpCommit() { emu::cpCommit(); }
template <int N> inline void cpWait() { emu::cpWait(N); }
template <class W> inline void storeWords(W *to, W v) {
  if (!emu::isGlobal(to)) emu::fail("a store to global memory goes elsewhere, " + emu::at(*emu::cur));
  *to = v;
}
#endif
using bf16 = __nv_bfloat16;
