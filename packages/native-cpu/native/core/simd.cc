#include "simd.h"

namespace revoxel {

REVOXEL_CLONES void widen(const uint16_t* source, float* target, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) target[i] = fromBf16(source[i]);
}

// toBf16 with the select in front of the shift: all but the last step then stays in lanes of 32 bits, a third faster.
REVOXEL_CLONES void narrow(const float* source, uint16_t* target, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits;
    std::memcpy(&bits, &source[i], sizeof bits);
    const uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
    const uint32_t quiet = bits | 0x400000u;
    target[i] = static_cast<uint16_t>((source[i] == source[i] ? rounded : quiet) >> 16);
  }
}

REVOXEL_CLONES void fromQ16(const int16_t* source, float step, float* target, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) target[i] = static_cast<float>(source[i]) * step;
}

REVOXEL_CLONES void fromQ32(const int32_t* source, float step, float* target, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) target[i] = static_cast<float>(source[i]) * step;
}

}  // namespace revoxel
