/**
 * Number conversions that every native backend must do alike: bfloat16 and half with round to nearest even, and float to integer
 * with round to nearest even and clamping. Header only; no tensors, no plans. Mirrors src/graph/dtype.ts.
 */
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

// Device compilers need marks on functions that kernels call; host compilers see nothing.
#if defined(__CUDACC__)
#define REVOXEL_INLINE __host__ __device__ inline
#else
#define REVOXEL_INLINE inline
#endif

namespace revoxel {

/** The number that 16 bfloat16 bits stand for. */
REVOXEL_INLINE float fromBf16(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  memcpy(&value, &wide, sizeof value);
  return value;
}

/** Round to bfloat16, nearest, ties to even; NaN stays NaN (made quiet), overflow gives infinity. */
REVOXEL_INLINE uint16_t toBf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t quiet = (bits >> 16) | 0x40u;
  // A select, not a branch, so that loops over elements vectorise.
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

/** The number that 16 bits of IEEE half stand for. */
REVOXEL_INLINE float fromF16(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t magnitude = bits & 0x7fffu;
  // The exponent is moved by a multiplication, exact also where it meets a subnormal; infinity and NaN keep the widest one.
  uint32_t wide = magnitude << 13;
  float value;
  memcpy(&value, &wide, sizeof value);
  value *= 0x1p112f;
  memcpy(&wide, &value, sizeof wide);
  wide = sign | (magnitude >= 0x7c00u ? (magnitude << 13) | 0x7f800000u : wide);
  memcpy(&value, &wide, sizeof value);
  return value;
}

/** Round to IEEE half, nearest, ties to even; NaN stays NaN (made quiet), from 65520 on infinity. */
REVOXEL_INLINE uint16_t toF16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // Below 2^-14 adding 0.5 leaves a multiple of 2^-24, rounded to even, in the low bits of the sum.
  float shifted;
  memcpy(&shifted, &magnitude, sizeof shifted);
  shifted += 0.5f;
  uint32_t subnormal;
  memcpy(&subnormal, &shifted, sizeof subnormal);
  uint32_t half = magnitude >= 0x38800000u ? normal : subnormal - 0x3f000000u;
  if (magnitude >= 0x477ff000u) half = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  return static_cast<uint16_t>(((bits >> 16) & 0x8000u) | half);
}

/** Float to integer: nearest, ties to even, clamped to the range of `Int`; NaN gives 0. */
template <typename Int>
REVOXEL_INLINE Int toInteger(double value) {
  constexpr double low = static_cast<double>(std::numeric_limits<Int>::min());
  constexpr double high = static_cast<double>(std::numeric_limits<Int>::max());
  if (!(value == value)) return 0;
  const double nearest = nearbyint(value);
  if (nearest <= low) return std::numeric_limits<Int>::min();
  if (nearest >= high) return std::numeric_limits<Int>::max();
  return static_cast<Int>(nearest);
}

}  // namespace revoxel
