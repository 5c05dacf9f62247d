/** What norm, normAct, normApply and the reverse rules share: the launches of the passes in kernels/norm-*.cuh. */
#pragma once

#include "../core/args.h"

namespace revoxel::ops {

struct NormSpec {
  bool batch;
  int64_t groups;
  double eps;
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

}  // namespace revoxel::ops
