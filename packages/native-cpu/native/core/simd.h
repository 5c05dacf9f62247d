/**
 * Vector loops: leaf functions over flat float arrays are compiled for several instruction sets, chosen once when the
 * addon is loaded. Only leaves carry the mark; loops over them, and parallel regions, stay outside. bf16 and fixed-point
 * tensors are widened chunk by chunk around the same leaves, so that every loop exists once.
 *
 * Not for convolutions, which have their own dispatch (kernels/).
 */
#pragma once

#include <cstdint>
#include <cstring>

#include "tensor.h"

// Needs ifunc, which glibc has on x86 (and sanitizers cannot start with); elsewhere the compiler's baseline is used.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define REVOXEL_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define REVOXEL_CLONES
#endif

#define REVOXEL_LEAF_INLINE inline __attribute__((always_inline))

namespace revoxel {

/** Elements a leaf handles at a time: operands and results of a few leaves stay in the first-level cache. */
constexpr int64_t CHUNK = 1024;

void widen(const uint16_t* source, float* target, int64_t n);
void narrow(const float* source, uint16_t* target, int64_t n);
/** k * step of fixed-point elements. */
void fromQ16(const int16_t* source, float step, float* target, int64_t n);
void fromQ32(const int32_t* source, float step, float* target, int64_t n);

/** `n` floats of x from element i on: a view, or widened into `buffer` (CHUNK floats). @param step of a fixed-point x. */
inline const float* loadChunk(const Tensor& x, int64_t i, int64_t n, float* buffer, float step = 1.0f) {
  switch (x.dtype) {
    case DType::bf16:
      widen(x.as<uint16_t>() + i, buffer, n);
      return buffer;
    case DType::q16:
      fromQ16(x.as<int16_t>() + i, step, buffer, n);
      return buffer;
    case DType::q32:
      fromQ32(x.as<int32_t>() + i, step, buffer, n);
      return buffer;
    default:
      return x.f32() + i;
  }
}

/** Where to write the results of elements i .. : the tensor itself, or `buffer`, to be followed by `storeChunk`. */
inline float* targetChunk(const Tensor& y, int64_t i, float* buffer) { return y.dtype != DType::bf16 ? y.f32() + i : buffer; }

inline void storeChunk(const Tensor& y, int64_t i, int64_t n, const float* buffer) {
  if (y.dtype == DType::bf16) narrow(buffer, y.as<uint16_t>() + i, n);
}

/** One number of a float tensor. */
inline float loadOne(const Tensor& x, int64_t i) { return x.dtype == DType::bf16 ? fromBf16(x.as<uint16_t>()[i]) : x.f32()[i]; }
inline void storeOne(const Tensor& y, int64_t i, float value) {
  if (y.dtype == DType::bf16) y.as<uint16_t>()[i] = toBf16(value);
  else y.f32()[i] = value;
}

/**
 * e^x to about 1 ulp for all floats: x = k ln 2 + r, a polynomial in r, times 2^k in two steps so that results reach into
 * the denormals. NaN stays NaN. Branch-free, so that loops over it vectorise.
 * Source of the scheme: Cody and Waite, Software manual for the elementary functions (1980), chapter 6.
 */
REVOXEL_LEAF_INLINE float expLeaf(float x) {
  const float clamped = x > 89.0f ? 89.0f : (x < -104.0f ? -104.0f : x);
  const float shifted = clamped * 1.44269504f + 12582912.0f;
  const float k = shifted - 12582912.0f;
  float r = clamped - k * 0.693145752f;
  r = r - k * 1.42860677e-6f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const int32_t whole = static_cast<int32_t>(k == k ? k : 0.0f);
  const int32_t half = whole >> 1;
  const int32_t b1 = (half + 127) << 23;
  const int32_t b2 = (whole - half + 127) << 23;
  float s1, s2;
  std::memcpy(&s1, &b1, sizeof s1);
  std::memcpy(&s2, &b2, sizeof s2);
  return p * s1 * s2;
}

}  // namespace revoxel
