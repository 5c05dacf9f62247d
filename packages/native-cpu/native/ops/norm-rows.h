/**
 * Normalisation over channels-last rows: what norm, normAct and their reverse rules share. A sample is a flat array with
 * period C; the loops run over a longer period P (a multiple of C and, below 128 channels, of 16) so that few channels
 * still fill vectors, and per-channel numbers are repeated to P lanes.
 *
 * Forward: one pass over memory for the statistics, one to normalise. Backward: one pass for the sums, one for dx.
 * Statistics: per block of some thousand elements the mean, then the squared distances from it while the block is in
 * the first-level cache, in fp32; blocks are merged in float64 in a fixed order.
 * Source of the merge: Chan, Golub, LeVeque 1983, Algorithms for computing the sample variance.
 */
#pragma once

#include <cstdint>

#include "../core/tensor.h"

namespace revoxel::ops {

struct NormSpec {
  bool batch;
  int64_t groups;
  float eps;
  /** Negative slope of the leaky ReLU that follows; 1 for none. */
  float slope;
};

/** y, mean, rstd from x, gamma, beta. */
void normForward(const Args& args, const NormSpec& spec);

/** dx, dgamma, dbeta; `beta` may be null when no activation follows (slope 1). */
void normBackward(const Args& args, const NormSpec& spec, const Tensor& x, const Tensor& gamma, const Tensor* beta, const Tensor& mean, const Tensor& rstd, const Tensor& dy);

/** Scratch bytes of all four operations; mirrored by normScratch in src/profile.ts. */
int64_t normScratchBytes(int64_t channels, bool bf16, int threads);

}  // namespace revoxel::ops
