/**
 * Rotations of pairs of integers by three lifting steps, each of which adds a rounded product to the other number: going
 * back subtracts the very same integers.
 */
#pragma once

#include "element.cuh"

namespace revoxel::streams {

/** A rotation by t: tan(t / 2) and sin(t). */
struct __align__(16) Lift {
  double tangent, sine;
};

/** The exact number, without the slow conversion: an integer in the last bits of a number around 2^52. */
__device__ __forceinline__ double exactOf(int32_t v) {
  const uint64_t bits = 0x4330000000000000u | (static_cast<uint32_t>(v) ^ 0x80000000u);
  double shifted;
  memcpy(&shifted, &bits, sizeof shifted);
  return shifted - 4503601774854144.0;
}

/**
 * factor v rounded to double, then to the nearest integer, ties to even, modulo 2^32. `wide`: |product| may reach 2^51, up
 * to which the last sum has the integer in its last bits; then multiples of 2^32 go first. No product is fused with a sum.
 */
__device__ __forceinline__ uint32_t roundedProduct(double factor, int32_t v, bool wide) {
  double product = __dmul_rn(factor, exactOf(v));
  if (wide) {
    // 1.5 2^84: neighbours are 2^32 apart.
    const double far = 29014219670751100192948224.0;
    product = __dadd_rn(product, -__dadd_rn(__dadd_rn(product, far), -far));
  }
  const double shifted = __dadd_rn(product, 6755399441055744.0);
  uint64_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  return static_cast<uint32_t>(bits);
}

/** A sum as an element of Int holds it: modulo 2^bits, with sign. */
template <class Int>
__device__ __forceinline__ Int wrapped(uint32_t sum) {
  return static_cast<Int>(static_cast<int32_t>(sum));
}

/** (a, b) is rotated, or back. */
template <class Int>
__device__ __forceinline__ void rotate(Int& a, Int& b, const Lift& lift, bool forward) {
  // Largest factor whose product with any 32-bit integer stays below 2^51.
  const bool wide = !(fabs(lift.tangent) <= 524288.0);
  // x ^ flip - flip is x or -x.
  const uint32_t flip = forward ? 0u : ~0u;
  const auto word = [](Int v) { return static_cast<uint32_t>(static_cast<int32_t>(v)); };
  a = wrapped<Int>(word(a) - ((roundedProduct(lift.tangent, b, wide) ^ flip) - flip));
  b = wrapped<Int>(word(b) + ((roundedProduct(lift.sine, a, false) ^ flip) - flip));
  a = wrapped<Int>(word(a) - ((roundedProduct(lift.tangent, b, wide) ^ flip) - flip));
}

/** lifts [pair][set] of angles [set][pair]. An angle that is no number turns nothing. */
struct MakeLifts {
  const float* angles;
  Lift* lifts;
  int64_t pairs, sets;

  __device__ void operator()(int64_t i) const {
    const int64_t pair = i / sets, set = i - pair * sets;
    const double angle = static_cast<double>(angles[set * pairs + pair]);
    const double t = tan(angle / 2), s = sin(angle);
    lifts[i] = {t == t ? t : 0.0, s == s ? s : 0.0};
  }
};

}  // namespace revoxel::streams
