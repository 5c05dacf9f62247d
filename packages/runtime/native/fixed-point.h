/**
 * Numbers of fixed-point streams: an element k stands for k * 2^-g. The rules are those of the runtime's
 * ops/fixed-point.ts, which also says what the limits mean.
 */
#pragma once

#include <cstdint>
#include <type_traits>

#include "plan-types.h"

namespace revoxel {

inline bool isFixed(DType dtype) { return dtype == DType::q16 || dtype == DType::q32; }

/** Largest |q| that one add may bring: exact in fp32 for both dtypes. */
template <class Int>
constexpr float ADD_LIMIT = sizeof(Int) == 2 ? 16384.0f : 1073741824.0f;

/** Whether -limit < q < limit, of a difference modulo 2^bits: one unsigned comparison, as q + limit - 1 is at most 2 limit - 2 exactly then. */
template <class Int>
REVOXEL_INLINE constexpr bool isBelowLimit(std::make_unsigned_t<Int> q) {
  using Bits = std::make_unsigned_t<Int>;
  constexpr Bits limit = static_cast<Bits>(ADD_LIMIT<Int>);
  return static_cast<Bits>(q + (limit - 1)) <= static_cast<Bits>(2 * limit - 2);
}

/** |k| above it counts as near the limit. */
template <class Int>
constexpr uint32_t NEAR_LIMIT = sizeof(Int) == 2 ? 24576u : 1610612736u;

}  // namespace revoxel
