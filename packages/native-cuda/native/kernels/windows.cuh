/** Pooling windows, and elements as maxima compare them: floats of any storage as floats, fixed-point integers as they are. */
#pragma once

#include <limits>

#include <fixed-point.h>

#include "element.cuh"
#include "places.cuh"

namespace revoxel {

/** The windows of a pool. */
struct Windows {
  Trio kernel, stride, pad;

  template <class A>
  static Windows of(const A& attrs) {
    const ops::Triple kernel = ops::Triple::of(attrs.kernel, 1), stride = ops::Triple::of(attrs.stride, 1), pad = ops::Triple::of(attrs.padBefore, 0);
    for (const int64_t k : {kernel.d, kernel.h, kernel.w}) if (k < 1 || k > 1024) throw Error("ERR_PLAN", "expects kernels of 1 to 1024");
    for (const int64_t s : {stride.d, stride.h, stride.w}) if (s < 1 || s > MAX_SIZE) throw Error("ERR_PLAN", "expects strides of 1 to 2^20");
    for (const int64_t p : {pad.d - kernel.d, pad.h - kernel.h, pad.w - kernel.w}) if (p >= 0) throw Error("ERR_PLAN", "padding must be smaller than the kernel");
    return {Trio::of(kernel), Trio::of(stride), Trio::of(pad)};
  }

  __device__ __forceinline__ int taps() const { return kernel.d * kernel.h * kernel.w; }
  /** Number of voxel (z, y, x) of the operand in window (oz, oy, ox). */
  __device__ __forceinline__ int tap(int z, int y, int x, int oz, int oy, int ox) const {
    return ((z + pad.d - oz * stride.d) * kernel.h + y + pad.h - oy * stride.h) * kernel.w + x + pad.w - ox * stride.w;
  }
  /** Taps of window `index` that lie in an operand of `size`. */
  __device__ __forceinline__ Span z(int index, int size) const { return inside(index, kernel.d, stride.d, pad.d, size); }
  __device__ __forceinline__ Span y(int index, int size) const { return inside(index, kernel.h, stride.h, pad.h, size); }
  __device__ __forceinline__ Span x(int index, int size) const { return inside(index, kernel.w, stride.w, pad.w, size); }
  /** Windows, of `count`, that contain voxel `index` of the operand. */
  __device__ __forceinline__ Span aroundZ(int index, int count) const { return around(index, kernel.d, stride.d, pad.d, count); }
  __device__ __forceinline__ Span aroundY(int index, int count) const { return around(index, kernel.h, stride.h, pad.h, count); }
  __device__ __forceinline__ Span aroundX(int index, int count) const { return around(index, kernel.w, stride.w, pad.w, count); }

 private:
  static __device__ __forceinline__ Span inside(int window, int kernel, int stride, int pad, int size) {
    const int64_t begin = static_cast<int64_t>(window) * stride - pad, end = begin + kernel;
    return {begin < 0 ? 0 : static_cast<int>(begin), end > size ? size : static_cast<int>(end)};
  }
  static __device__ __forceinline__ Span around(int index, int kernel, int stride, int pad, int count) {
    const int low = index + pad - kernel + 1, end = (index + pad) / stride + 1;
    return {low <= 0 ? 0 : (low + stride - 1) / stride, end > count ? count : end};
  }
};

template <class T>
struct ComparedType {
  using Type = T;
};
template <>
struct ComparedType<Bf16> {
  using Type = float;
};
template <>
struct ComparedType<F16> {
  using Type = float;
};
/** What elements of T are compared as. */
template <class T>
using Compared = typename ComparedType<T>::Type;

template <class T>
__device__ __forceinline__ Compared<T> compared(T v) { return v; }
__device__ __forceinline__ float compared(Bf16 v) { return toFloat(v); }
__device__ __forceinline__ float compared(F16 v) { return toFloat(v); }

template <class T>
__device__ __forceinline__ T uncompared(Compared<T> v) {
  if constexpr (IS_NARROW<T>) return fromFloat<T>(v);
  else return v;
}

template <class C>
__device__ __forceinline__ bool isNan(C v) {
  if constexpr (std::is_same_v<C, float>) return v != v;
  else return false;
}

/** What no element is less than. */
template <class C>
__device__ __forceinline__ C lowest() {
  if constexpr (std::is_same_v<C, float>) return -std::numeric_limits<float>::infinity();
  else return std::numeric_limits<C>::min();
}

/** Calls body(T{}) with the element type of a tensor that has maxima. */
template <class Body>
void withCompared(DType dtype, const Body& body) {
  switch (dtype) {
    case DType::f32: return body(float{});
    case DType::bf16: return body(Bf16{});
    case DType::f16: return body(F16{});
    case DType::q16: return body(int16_t{});
    case DType::q32: return body(int32_t{});
    default: throw Error("ERR_PLAN", std::string("expects floats or fixed-point numbers, got ") + nameOf(dtype));
  }
}

}  // namespace revoxel
