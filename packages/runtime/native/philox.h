/**
 * Philox4x32-10, the counter-based generator: four random words as a pure function of counter and key. The same numbers
 * as src/random/philox.ts on every backend.
 * Source: Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
 */
#pragma once

#include <cstdint>

#include "numeric.h"

namespace revoxel {

/** Four random words. */
struct Philox4 {
  uint32_t word[4];
};

/** Ten rounds over counter (c0, c1, c2, c3) with key (k0, k1). */
REVOXEL_INLINE Philox4 philox4x32(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = static_cast<uint64_t>(0xd2511f53u) * c0;
    const uint64_t p1 = static_cast<uint64_t>(0xcd9e8d57u) * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  return Philox4{{c0, c1, c2, c3}};
}

}  // namespace revoxel
