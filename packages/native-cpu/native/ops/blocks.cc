#include "blocks.h"

#include "../core/simd.h"

namespace revoxel::ops {

#define REVOXEL_SHUFFLE(Unit)                                                     \
  REVOXEL_CLONES void shuffle(const Unit* from, Unit* to, int64_t n) {            \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                         \
      to[2 * i] = from[i];                                                        \
      to[2 * i + 1] = from[n + i];                                                \
    }                                                                             \
  }                                                                               \
  REVOXEL_CLONES void unshuffle(const Unit* from, Unit* to, int64_t n) {          \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                         \
      to[i] = from[2 * i];                                                        \
      to[n + i] = from[2 * i + 1];                                                \
    }                                                                             \
  }
REVOXEL_SHUFFLE(uint8_t)
REVOXEL_SHUFFLE(uint16_t)
REVOXEL_SHUFFLE(uint32_t)
REVOXEL_SHUFFLE(int16_t)
REVOXEL_SHUFFLE(int32_t)
REVOXEL_SHUFFLE(float)
#undef REVOXEL_SHUFFLE

}  // namespace revoxel::ops
