/**
 * Sampling tables of resize and its reverse rule: per output index the two source indices and the second one's weight,
 * per source index the run of outputs that sample it. Half-pixel centres; nearest is a pair of equal indices.
 */
#pragma once

#include <cstdint>

#include "../core/tensor.h"
#include <volume.h>

namespace revoxel::ops {

struct Sample {
  int32_t low, high;
  float weight;
  int32_t unused;
};

/** Outputs first .. last sample a source index. */
struct Run {
  int32_t first, last;
};

struct Axis {
  const Sample* samples;
  const Run* runs;

  /** Weight with which output `o` samples source index `i`. */
  float weight(int64_t o, int64_t i) const {
    const Sample& s = samples[o];
    return (s.low == i ? 1.0f - s.weight : 0.0f) + (s.high == i ? s.weight : 0.0f);
  }
};

/** The tables of three axes and a row of floats per thread, laid out in the call's scratch (resizeScratch in src/profile.ts). */
struct ResizeTables {
  Axis d, h, w;
  float* rows;
  int64_t rowStride;

  /** @param small the operand's side (sampled), @param large the result's side (sampling). */
  ResizeTables(const Args& args, bool linear, const Volume& small, const Volume& large);
  float* row(int64_t thread) const { return rows + thread * rowStride; }
};

}  // namespace revoxel::ops
