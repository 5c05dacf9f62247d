/**
 * Elements of tensors in device code: numbers as floats whatever they are stored as, in packs of 16 bytes where places
 * allow it, and the choice of a kernel's types from dtypes.
 */
#pragma once

#include <numeric.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "launch.cuh"

namespace revoxel {

/** bfloat16 as the kernels store it: bits, so that host and device code share the conversions of numeric.h. */
struct Bf16 {
  uint16_t bits;
};

/** IEEE half, likewise. */
struct F16 {
  uint16_t bits;
};

/** Whether T is one of the two. */
template <class T>
constexpr bool IS_NARROW = std::is_same_v<T, Bf16> || std::is_same_v<T, F16>;

__device__ __forceinline__ float toFloat(float v) { return v; }
__device__ __forceinline__ float toFloat(Bf16 v) { return __uint_as_float(static_cast<unsigned>(v.bits) << 16); }
__device__ __forceinline__ float toFloat(F16 v) { return __half2float(*reinterpret_cast<const __half*>(&v)); }

template <class T>
__device__ __forceinline__ T fromFloat(float v);
template <>
__device__ __forceinline__ float fromFloat<float>(float v) { return v; }
template <>
__device__ __forceinline__ Bf16 fromFloat<Bf16>(float v) {
  // One instruction on the device; NaN payloads differ from numeric.h, NaN stays NaN.
  const bf16 rounded = __float2bfloat16_rn(v);
  return *reinterpret_cast<const Bf16*>(&rounded);
}
template <>
__device__ __forceinline__ F16 fromFloat<F16>(float v) {
  const __half rounded = __float2half_rn(v);
  return *reinterpret_cast<const F16*>(&rounded);
}

/** Elements of T in 16 bytes. */
template <class T>
constexpr int PACK = 16 / static_cast<int>(sizeof(T));

/** N elements that lie in one piece, loaded and stored as such. The place must be a multiple of their size. */
template <class T, int N>
struct __align__(sizeof(T) * N) Pack {
  T at[N];
};

template <class T, int N>
__device__ __forceinline__ Pack<T, N> loadPack(const T* from) {
  return *reinterpret_cast<const Pack<T, N>*>(from);
}
/** Stores to global memory, in one instruction. */
template <class T, int N>
__device__ __forceinline__ void storePack(T* to, const Pack<T, N>& pack) {
  constexpr int BYTES = static_cast<int>(sizeof(pack));
  if constexpr (BYTES % 16 == 0) {
    uint4 words[BYTES / 16];
    memcpy(words, &pack, BYTES);
#pragma unroll
    for (int w = 0; w < BYTES / 16; w++) storeWords(reinterpret_cast<uint4*>(to) + w, words[w]);
  } else if constexpr (BYTES == 8) {
    uint2 words;
    memcpy(&words, &pack, BYTES);
    storeWords(reinterpret_cast<uint2*>(to), words);
  } else {
    *reinterpret_cast<Pack<T, N>*>(to) = pack;
  }
}

/** Stores to shared memory. */
template <class T, int N>
__device__ __forceinline__ void storeShared(T* to, const Pack<T, N>& pack) {
  *reinterpret_cast<Pack<T, N>*>(to) = pack;
}

inline bool isFloat(DType dtype) { return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16; }

/** Calls body(T{}) with the element type of a float tensor: float, Bf16 or F16. */
template <class Body>
void withFloat(DType dtype, const Body& body) {
  if (dtype == DType::f32) body(float{});
  else if (dtype == DType::bf16) body(Bf16{});
  else if (dtype == DType::f16) body(F16{});
  else throw Error("ERR_PLAN", std::string("expects f32, bf16 or f16, got ") + nameOf(dtype));
}

/** Calls body(Int{}) with the integer type of a fixed-point tensor: int16_t or int32_t. */
template <class Body>
void withFixed(DType dtype, const Body& body) {
  if (dtype == DType::q16) body(int16_t{});
  else if (dtype == DType::q32) body(int32_t{});
  else throw Error("ERR_PLAN", std::string("expects q16 or q32, got ") + nameOf(dtype));
}

/** Calls body(Unit{}) with an unsigned integer of the element's size, for copies. */
template <class Body>
void withUnit(DType dtype, const Body& body) {
  switch (bytesOf(dtype)) {
    case 1: return body(uint8_t{});
    case 2: return body(uint16_t{});
    default: return body(uint32_t{});
  }
}

template <int N, class F, class Y, class... X>
__device__ __forceinline__ void mapPack(const F& f, Pack<Y, N>& y, const Pack<X, N>&... x) {
#pragma unroll
  for (int k = 0; k < N; k++) y.at[k] = fromFloat<Y>(f(toFloat(x.at[k])...));
}

/**
 * y[i] = f(x0[i], x1[i], ...) over floats of any storage. Packs of 8 elements where all places are aligned. Results may
 * lie over operands: a thread reads its elements before it writes them. `F`: const __device__ float operator()(float...).
 */
template <class F, class Y, class... X>
__global__ void __launch_bounds__(BLOCK) mapKernel(F f, int64_t n, Y* y, const X*... x) {
  constexpr int N = 8;
  const int64_t packs = n / N;
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (int64_t p = first; p < packs; p += step) {
    Pack<Y, N> result;
    mapPack<N>(f, result, loadPack<X, N>(x + p * N)...);
    storePack<Y, N>(y + p * N, result);
  }
  for (int64_t i = packs * N + first; i < n; i += step) y[i] = fromFloat<Y>(f(toFloat(x[i])...));
}

/** Launches mapKernel; places come from the plan and are multiples of 256 bytes. */
template <class F, class Y, class... X>
void mapFloats(const Args& args, const F& f, int64_t n, Y* y, const X*... x) {
  if (n > 0) launch(args, mapKernel<F, Y, X...>, gridFor(ceilDiv(n, 8)), BLOCK, 0, f, n, y, x...);
}

}  // namespace revoxel
