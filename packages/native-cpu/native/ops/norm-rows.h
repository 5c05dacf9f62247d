/**
 * Normalisation over channels-last rows: what norm, normAct, normApply and the reverse rules share. A sample is
 * a flat array with period C; the loops run over longer periods (core/lanes.h).
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

/** y, mean, rstd from x, gamma, beta, and the exponent when x is fixed-point. */
void normForward(const Args& args, const NormSpec& spec);

/** y from x, gamma, beta, mean, rstd, and the exponent when x is fixed-point: the bits of the forward pass. */
void normFromStatistics(const Args& args, const NormSpec& spec);

/** Operands of the reverse rules. */
struct NormGradOperands {
  const Tensor& x;
  const Tensor& gamma;
  /** Null when no activation follows (slope 1). */
  const Tensor* beta;
  const Tensor& mean;
  const Tensor& rstd;
  const Tensor& dy;
  /** Null unless x is fixed-point. */
  const Tensor* exponent;
};

/** dx, dgamma, dbeta. */
void normBackward(const Args& args, const NormSpec& spec, const NormGradOperands& operands);

/** Scratch bytes of all five operations; mirrored by normScratch in src/scratch.ts. @param narrow - a tensor is not f32. */
int64_t normScratchBytes(int64_t channels, bool narrow, int threads);

}  // namespace revoxel::ops
