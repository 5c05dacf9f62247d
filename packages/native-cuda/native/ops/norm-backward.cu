// The passes of the reverse rules of the norms.
#include "../kernels/norm-backward.cuh"
#include "norm-passes.h"

namespace revoxel::ops {

namespace {

template <class X, class G>
void backward(const Args& args, const NormSpec& spec, const NormShape& shape, const NormGradOperands& o) {
  constexpr int N = std::min(PACK<X>, PACK<G>);
  const int64_t all = shape.sets * shape.channels;
  double* const totals = args.scratchOf<double>(2 * all + shape.sets * shape.groups + all * shape.partials());
  auto* const terms = reinterpret_cast<GradTerms*>(totals + 2 * all);
  auto* const partial = reinterpret_cast<GradSums*>(terms + shape.sets * shape.groups);
  const NormWalk walk(shape);
  const float *const beta = o.beta ? o.beta->f32() : nullptr, *const exponent = o.exponent ? o.exponent->f32() : nullptr;
  const auto sums = shape.pack == 1 ? normGradSumsKernel<X, G, 1> : normGradSumsKernel<X, G, N>;
  launch(args, sums, shape.grid(), shape.block(), 0, walk, o.x.as<X>(), exponent, o.gamma.f32(), beta, o.mean.f32(), o.rstd.f32(), o.dy.as<G>(), spec.slope, partial);
  const int64_t warps = std::min<int64_t>(shape.sets * shape.perGroup, 8);
  launch(args, normGradFinishKernel, static_cast<unsigned>(shape.groups), static_cast<unsigned>(32 * warps), 0, partial, shape.partials(), shape.sets, static_cast<int>(shape.channels), static_cast<int>(shape.groups), static_cast<double>(shape.members()), o.gamma.f32(), o.rstd.f32(), totals, terms, args.out[1].f32(), args.out[2].f32());
  const auto apply = shape.pack == 1 ? normGradApplyKernel<X, G, 1> : normGradApplyKernel<X, G, N>;
  launch(args, apply, shape.grid(), shape.block(), 0, walk, o.x.as<X>(), exponent, o.gamma.f32(), beta, o.mean.f32(), o.rstd.f32(), terms, o.dy.as<G>(), spec.slope, args.out[0].as<G>());
}

}  // namespace

void normBackward(const Args& args, const NormSpec& spec, const NormGradOperands& o) {
  const Tensor &x = o.x, &dx = args.out[0], &dgamma = args.out[1], &dbeta = args.out[2];
  const int64_t c = x.channels();
  args.require(x.rank() >= 2 && x.count > 0 && x.count == o.dy.count && x.count == dx.count, "operands and result differ in size");
  args.require(o.gamma.count == c && dgamma.count == c && dbeta.count == c && (!o.beta || o.beta->count == c), "gamma or beta has the wrong size");
  args.require(spec.batch || (spec.groups > 0 && c % spec.groups == 0), "groups must divide the channels");
  args.require(isFixed(x.dtype) == (o.exponent != nullptr), "expects an exponent if, and only if, x is fixed-point");
  args.require(dx.dtype == o.dy.dtype && (o.exponent || x.dtype == dx.dtype), "x, dy and dx differ in dtype");
  for (const Tensor* t : {&o.gamma, o.beta, &o.mean, &o.rstd, o.exponent, &dgamma, &dbeta}) args.require(!t || t->dtype == DType::f32, "gamma, beta, statistics and exponent must be f32");
  const NormShape shape(x, spec.batch, spec.groups, std::max(bytesOf(x.dtype), bytesOf(dx.dtype)), NORM_BACKWARD_BLOCKS * args.device->multiprocessors);
  args.require(o.mean.count == shape.sets * shape.groups && o.rstd.count == o.mean.count, "statistics have the wrong size");
  if (isFixed(x.dtype)) {
    withFixed(x.dtype, [&](auto k) { withFloat(dx.dtype, [&](auto g) { backward<decltype(k), decltype(g)>(args, spec, shape, o); }); });
  } else {
    withFloat(x.dtype, [&](auto g) { backward<decltype(g), decltype(g)>(args, spec, shape, o); });
  }
}

}  // namespace revoxel::ops
