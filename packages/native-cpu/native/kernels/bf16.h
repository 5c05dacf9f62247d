// bfloat16 storage: the upper half of an IEEE binary32. Stored as bits; arithmetic is done in float.
// Not a number class: it has no operators, so that every rounding is visible where it happens.
// Source: the IEEE 754 round-to-nearest-even rule applied to the discarded 16 bits.
#pragma once

#include <cstdint>
#include <cstring>

namespace revoxel {

/** One stored bfloat16 value: sign, 8 exponent bits, 7 fraction bits. */
struct Bf16 {
  uint16_t bits;
};

/** Exact widening. */
inline float bf16ToFloat(Bf16 value) {
  const uint32_t wide = static_cast<uint32_t>(value.bits) << 16;
  float result;
  std::memcpy(&result, &wide, sizeof result);
  return result;
}

/** Rounds to nearest, ties to even; infinities stay, a NaN stays a (quiet) NaN of the same sign. */
inline Bf16 floatToBf16(float value) {
  uint32_t wide;
  std::memcpy(&wide, &value, sizeof wide);
  if ((wide & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>((wide >> 16) | 0x40u)};
  return {static_cast<uint16_t>((wide + 0x7fffu + ((wide >> 16) & 1u)) >> 16)};
}

}  // namespace revoxel
