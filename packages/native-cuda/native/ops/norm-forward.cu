// The passes of the forward norms. One place for all of them: normApply must give the bits of norm and normAct.
#include "../kernels/norm-forward.cuh"
#include "norm-passes.h"

namespace revoxel::ops {

namespace {

/** The sizes of a forward norm, whose first operands are x, gamma, beta and whose first result is y. */
NormShape checked(const Args& args, const NormSpec& spec, const Tensor& mean, const Tensor& rstd, const Tensor* exponent) {
  const Tensor &x = args.in[0], &y = args.out[0];
  const int64_t c = x.channels();
  args.require(x.rank() >= 2 && x.count > 0 && x.count == y.count && args.in[1].count == c && args.in[2].count == c, "operands and results differ in size");
  args.require(isFixed(x.dtype) || x.dtype == y.dtype, "operand and result differ in dtype");
  args.require(spec.batch || (spec.groups > 0 && c % spec.groups == 0), "groups must divide the channels");
  args.require(args.in[1].dtype == DType::f32 && args.in[2].dtype == DType::f32 && mean.dtype == DType::f32 && rstd.dtype == DType::f32 && (!exponent || exponent->dtype == DType::f32), "gamma, beta, statistics and exponent must be f32");
  const NormShape shape(x, spec.batch, spec.groups, bytesOf(x.dtype), NORM_FORWARD_BLOCKS * args.device->multiprocessors);
  args.require(mean.count == shape.sets * shape.groups && rstd.count == mean.count, "statistics have the wrong size");
  return shape;
}

template <class X, class Y>
void applyPacks(const Args& args, const NormSpec& spec, const NormShape& shape, const Tensor& mean, const Tensor& rstd, const float* exponent) {
  constexpr int N = PACK<X>;
  const auto kernel = shape.pack == 1 ? normApplyKernel<X, Y, 1> : normApplyKernel<X, Y, N>;
  launch(args, kernel, shape.grid(), shape.block(), 0, NormWalk(shape), args.in[0].as<X>(), exponent, args.in[1].f32(), args.in[2].f32(), mean.f32(), rstd.f32(), spec.slope, args.out[0].as<Y>());
}

void apply(const Args& args, const NormSpec& spec, const NormShape& shape, const Tensor& mean, const Tensor& rstd, const float* exponent) {
  if (isFixed(args.in[0].dtype)) {
    withFixed(args.in[0].dtype, [&](auto x) { withFloat(args.out[0].dtype, [&](auto y) { applyPacks<decltype(x), decltype(y)>(args, spec, shape, mean, rstd, exponent); }); });
  } else {
    withFloat(args.in[0].dtype, [&](auto x) { applyPacks<decltype(x), decltype(x)>(args, spec, shape, mean, rstd, exponent); });
  }
}

}  // namespace

void normForward(const Args& args, const NormSpec& spec) {
  const bool fixed = !args.in.empty() && isFixed(args.in[0].dtype);
  args.requireOperands(fixed ? 4 : 3, 3);
  const Tensor &x = args.in[0], &mean = args.out[1], &rstd = args.out[2];
  const Tensor* const exponent = fixed ? &args.in[3] : nullptr;
  const float* const power = exponent ? exponent->f32() : nullptr;
  const NormShape shape = checked(args, spec, mean, rstd, exponent);
  Moments* const partial = args.scratchOf<Moments>(shape.sets * shape.channels * shape.partials());
  withAny(x.dtype, [&](auto type) {
    using X = decltype(type);
    const auto kernel = shape.pack == 1 ? normMomentsKernel<X, 1> : normMomentsKernel<X, PACK<X>>;
    launch(args, kernel, shape.grid(), shape.block(), 0, NormWalk(shape), x.as<X>(), power, partial);
  });
  launch(args, normFinishKernel, static_cast<unsigned>(shape.sets * shape.groups), 128, 0, partial, shape.perGroup * shape.partials(), static_cast<double>(shape.members()), spec.eps, mean.f32(), rstd.f32());
  apply(args, spec, shape, mean, rstd, power);
}

void normFromStatistics(const Args& args, const NormSpec& spec) {
  const bool fixed = !args.in.empty() && isFixed(args.in[0].dtype);
  args.requireOperands(fixed ? 6 : 5, 1);
  const Tensor* const exponent = fixed ? &args.in[5] : nullptr;
  const NormShape shape = checked(args, spec, args.in[3], args.in[4], exponent);
  apply(args, spec, shape, args.in[3], args.in[4], exponent ? exponent->f32() : nullptr);
}

}  // namespace revoxel::ops
