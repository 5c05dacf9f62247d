#include "layout.h"

#include <cstring>

#include "parallel.h"

namespace revoxel {

namespace {

/**
 * Transposes [rows][columns] to [columns][rows] in tiles that fit the first-level cache, so that both sides are
 * touched in whole cache lines.
 */
template <class Unit>
void transpose(int threads, const Unit* source, Unit* target, int64_t rows, int64_t columns) {
  constexpr int64_t TILE = 64;
  const bool tall = rows >= columns;
  const int64_t length = tall ? rows : columns;
  const int64_t across = tall ? columns : rows;
  parallelRange(
      threads, length, across,
      [&](int64_t begin, int64_t end) {
        for (int64_t outer = begin; outer < end; outer += TILE) {
          const int64_t outerEnd = outer + TILE < end ? outer + TILE : end;
          for (int64_t inner = 0; inner < across; inner += TILE) {
            const int64_t innerEnd = inner + TILE < across ? inner + TILE : across;
            const int64_t r0 = tall ? outer : inner, r1 = tall ? outerEnd : innerEnd;
            const int64_t c0 = tall ? inner : outer, c1 = tall ? innerEnd : outerEnd;
            for (int64_t c = c0; c < c1; c++) {
              for (int64_t r = r0; r < r1; r++) target[c * rows + r] = source[r * columns + c];
            }
          }
        }
      },
      TILE);
}

template <class Unit>
void copyTyped(int threads, void* device, void* host, int64_t samples, int64_t channels, int64_t voxels, Direction direction) {
  const int64_t size = channels * voxels;
  for (int64_t n = 0; n < samples; n++) {
    Unit* const inside = static_cast<Unit*>(device) + n * size;
    Unit* const outside = static_cast<Unit*>(host) + n * size;
    if (direction == Direction::toDevice) transpose(threads, outside, inside, channels, voxels);
    else transpose(threads, inside, outside, voxels, channels);
  }
}

}  // namespace

void copyLayout(int threads, void* device, void* host, const std::vector<int64_t>& shape, int64_t elementBytes, Direction direction) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  const int64_t channels = shape.size() < 3 ? 1 : shape[1];
  const int64_t samples = shape.size() < 3 ? 1 : shape[0];
  const int64_t voxels = count / (samples * channels);
  if (channels == 1 || voxels == 1) {
    if (direction == Direction::toDevice) std::memcpy(device, host, static_cast<size_t>(count * elementBytes));
    else std::memcpy(host, device, static_cast<size_t>(count * elementBytes));
    return;
  }
  switch (elementBytes) {
    case 1:
      return copyTyped<uint8_t>(threads, device, host, samples, channels, voxels, direction);
    case 2:
      return copyTyped<uint16_t>(threads, device, host, samples, channels, voxels, direction);
    default:
      return copyTyped<uint32_t>(threads, device, host, samples, channels, voxels, direction);
  }
}

}  // namespace revoxel
