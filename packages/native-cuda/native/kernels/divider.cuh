/** Division by numbers that the host knows. */
#pragma once

#include <cstdint>

#include "../port/device.cuh"

namespace revoxel {

/**
 * Division of numbers below 2^31: a product, a sum and a shift. For larger ones see Quotient (places.cuh).
 * Source: Granlund, Montgomery: Division by invariant integers using multiplication (PLDI 1994).
 */
struct Divider {
  uint32_t divisor = 1, factor = 1, shift = 0;

  /** @param d 1 to 2^31 - 1 */
  static Divider of(int64_t d) {
    Divider divider;
    divider.divisor = static_cast<uint32_t>(d);
    while ((int64_t{1} << divider.shift) < d) divider.shift++;
    divider.factor = static_cast<uint32_t>((uint64_t{1} << 32) * ((uint64_t{1} << divider.shift) - static_cast<uint64_t>(d)) / static_cast<uint64_t>(d) + 1);
    return divider;
  }
  __device__ __forceinline__ uint32_t quotient(uint32_t n) const { return (static_cast<uint32_t>((static_cast<uint64_t>(n) * factor) >> 32) + n) >> shift; }
};

}  // namespace revoxel
