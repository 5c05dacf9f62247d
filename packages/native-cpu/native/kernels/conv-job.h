// The work descriptions that pass between the drivers (conv.cc) and the per-instruction-set kernels
// (conv-gather.inl, conv-reduce.inl). Plain data: no memory is owned, nothing here is instruction-set specific.
//
// Forward and input gradient are one problem, "gather": every result voxel sums, over taps, a source voxel times
// a [source channel][result channel] matrix. Forward: source = g * stride + (k * dilation - pad). Input gradient:
// the result voxels of one residue class modulo the stride read source = g + offset(k) for the taps whose
// position divides; a strided input gradient is prod(stride) such problems ("phases").
#pragma once

#include <cstdint>

#include "conv.h"

namespace revoxel {

/**
 * The taps of one axis that take part: k = first + i * step, i < count, reading source coordinate
 * g * mul + offset + i * offsetStep.
 */
struct TapAxis {
  int64_t first, step, count;
  int64_t mul, offset, offsetStep;
};

/** Source channels [weightRow, weightRow + count) of the reduction, found at data + voxel * stride. */
template <class T>
struct GatherSource {
  const T* data;
  int64_t stride;
  int64_t count;
  int64_t weightRow;
};

template <class T>
struct GatherJob {
  int64_t n, gd, gh, gw;                        // grid of result voxels
  int64_t outSample, outDepth, outRow, outStep;  // their distances in elements
  T* out;                                        // first voxel of the grid, channel 0
  int64_t srcD, srcH, srcW;                      // source voxels
  TapAxis d, h, w;
  int64_t kh, kw;  // full kernel sizes, to number the taps
  GatherSource<T> sources[CONV_MAX_PIECES];
  int64_t sourceCount;
  int64_t depth;   // source channels of the group: rows of one tap's packed matrix
  bool joined;     // taps along w step by one voxel of one source that has no other channels
  const T* zeros;  // at least as many zeros as any source has channels
  bool flat;       // tiles run over row ends (short rows); units are voxels then, rows otherwise
};

/** A run of result channels inside one packed block. */
struct GatherBlock {
  const float* w;     // packed block, moved to the run's first lane
  int64_t width;      // block width: distance between packed rows
  int64_t lanes;      // channels to produce, 1..32
  int64_t outOffset;  // channel of the output tensor that lane 0 is
  float bias[64];     // lanes beyond `lanes` are 0; 64 so that whole vectors may be read from any start
};

/** One run of voxels for the weight gradient: `a` is the vector operand, `b` the broadcast one. */
template <class T>
struct SweepRow {
  const T* a;
  const T* b;
  int64_t count;
};

/**
 * One register tile of a weight gradient: out[m][lane] (+)= sum over rows and voxels of a[lane] * b[m].
 * `b` of lane m is at row.b + lane[m] (elements); vector lanes are the next `lanes` elements of row.a.
 */
template <class T>
struct SweepJob {
  const SweepRow<T>* rows;
  int64_t rowCount;
  int64_t aStep, bStep;  // distances of neighbouring voxels
  float* out;
  int64_t outStep;  // distance of neighbouring m
  bool add;         // add to `out` rather than overwrite it
};

/** What one instruction set offers. */
template <class T>
struct ConvKernels {
  /** Computes units [first, last) of the job's grid for one run of channels. */
  void (*gather)(const GatherJob<T>& job, const GatherBlock& block, int64_t first, int64_t last);
  /**
   * Weight-gradient tile over `count` b-lanes that are neighbours (b[m] = row.b[m]), vector lanes [0, lanes);
   * `before` further a-elements in front of lane 0 may be read.
   */
  void (*sweep)(const SweepJob<T>& job, int64_t count, int64_t lanes, int64_t before);
  /** The same with b-lane m at row.b + offsets[m]. */
  void (*sweepScattered)(const SweepJob<T>& job, const int64_t* offsets, int64_t count, int64_t lanes,
                         int64_t before);
};

template <class T>
const ConvKernels<T>& convKernelsPortable();
template <class T>
const ConvKernels<T>& convKernelsAvx2();
template <class T>
const ConvKernels<T>& convKernelsAvx512();

}  // namespace revoxel
