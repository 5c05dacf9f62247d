/**
 * Numbers per channel for loops over channels-last rows: a row is a flat array with period C; loops run over a longer
 * period P (a multiple of C and, below 128 channels, of 16), so that few channels still fill vectors, and per-channel
 * numbers are repeated to P lanes.
 */
#pragma once

#include <cstdint>
#include <numeric>

namespace revoxel {

inline int64_t ceil16(int64_t n) { return (n + 15) / 16 * 16; }

/** Lanes of the long period; mirrored by lanePeriod in src/scratch.ts. */
inline int64_t periodOf(int64_t channels) {
  if (channels >= 128) return channels;
  const int64_t step = 16 / std::gcd<int64_t, int64_t>(channels, 16);
  const int64_t unit = channels * step;
  return unit * ((127 + unit) / unit);
}

/** Repeats c numbers to p lanes. */
template <class Number>
void repeat(Number* lanes, int64_t c, int64_t p) {
  for (int64_t j = c; j < p; j++) lanes[j] = lanes[j - c];
}

}  // namespace revoxel
