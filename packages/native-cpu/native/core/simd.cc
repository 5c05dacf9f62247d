#include "simd.h"

namespace revoxel {

REVOXEL_CLONES void widen(const uint16_t* source, float* target, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) target[i] = fromBf16(source[i]);
}

REVOXEL_CLONES void narrow(const float* source, uint16_t* target, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) target[i] = toBf16(source[i]);
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
