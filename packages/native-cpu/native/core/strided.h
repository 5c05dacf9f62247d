/** Copies of boxes (the runtime's box.h), shared among threads. */
#pragma once

#include <box.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "copy-run.h"
#include "parallel.h"

namespace revoxel {

/** Copies the elements of a box from operand 1 to operand 0 (`Unit`: an integer of the element's size). */
template <class Unit>
void copyBox(int threads, const Box<2>& box, Unit* target, const Unit* source) {
  const int64_t inner = box.inner();
  const int64_t to = box.innerStride(0);
  const int64_t from = box.innerStride(1);
  if (to == 1 && from == 1 && box.rows() < threads) {
    // A few long rows: threads share each.
    box.eachRow(0, box.rows(), [&](const std::array<int64_t, 2>& at) {
      parallelRange(threads, inner, 1, [&](int64_t begin, int64_t end) { std::memcpy(target + at[0] + begin, source + at[1] + begin, static_cast<size_t>(end - begin) * sizeof(Unit)); });
    });
    return;
  }
  parallelRange(threads, box.rows(), inner, [&](int64_t begin, int64_t end) {
    box.eachRow(begin, end, [&](const std::array<int64_t, 2>& at) {
      Unit* const t = target + at[0];
      const Unit* const s = source + at[1];
      if (to == 1 && from == 1) copyRun(t, s, inner * static_cast<int64_t>(sizeof(Unit)));
      else if (to == 1 && from == 0) for (int64_t i = 0; i < inner; i++) t[i] = *s;
      else for (int64_t i = 0; i < inner; i++) t[i * to] = s[i * from];
    });
  });
}

/** copyBox for elements of 1, 2 or 4 bytes; offsets in elements. */
inline void copyBoxBytes(int threads, const Box<2>& box, void* target, int64_t targetAt, const void* source, int64_t sourceAt, int64_t elementBytes) {
  switch (elementBytes) {
    case 1:
      copyBox(threads, box, static_cast<uint8_t*>(target) + targetAt, static_cast<const uint8_t*>(source) + sourceAt);
      return;
    case 2:
      copyBox(threads, box, static_cast<uint16_t*>(target) + targetAt, static_cast<const uint16_t*>(source) + sourceAt);
      return;
    default:
      copyBox(threads, box, static_cast<uint32_t*>(target) + targetAt, static_cast<const uint32_t*>(source) + sourceAt);
  }
}

}  // namespace revoxel
