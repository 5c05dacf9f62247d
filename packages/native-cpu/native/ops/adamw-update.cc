// adamwUpdate: AdamW; the results overlay w, m and v. fp32, bias corrections in float64, one pass.
#include <cmath>

#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

struct Rates {
  float factor, beta1, fresh1, beta2, fresh2, keep, eps, stepSize, rootScale;
};

REVOXEL_CLONES void adamwLeaf(const float* w, const float* g, const float* m, const float* v, float* newW, float* newM, float* newV, int64_t n, Rates r) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    const float grad = r.factor * g[i];
    const float first = r.beta1 * m[i] + r.fresh1 * grad;
    const float second = r.beta2 * v[i] + r.fresh2 * grad * grad;
    newM[i] = first;
    newV[i] = second;
    newW[i] = r.keep * w[i] - r.stepSize * first / (std::sqrt(second) * r.rootScale + r.eps);
  }
}

}  // namespace

void adamwUpdate(const Args& args) {
  args.requireOperands(7, 3);
  const auto& attrs = args.attrs<AdamwUpdateAttrs>();
  const Tensor &w = args.in[0], &g = args.in[1], &m = args.in[2], &v = args.in[3];
  for (const Tensor* t : {&w, &m, &v, &args.out[0], &args.out[1], &args.out[2]}) args.require(t->dtype == DType::f32 && t->count == g.count, "operands differ in size or are not f32");
  const double lr = static_cast<double>(loadOne(args.in[4], 0));
  const double t = static_cast<double>(*args.in[6].as<uint32_t>()) + 1;
  Rates rates{};
  rates.factor = loadOne(args.in[5], 0);
  if (rates.factor < 0.0f) return;  // a skipped step
  rates.beta1 = static_cast<float>(attrs.beta1);
  rates.beta2 = static_cast<float>(attrs.beta2);
  // 1 - beta is taken before rounding: in fp32 it would lose four digits for beta near 1.
  rates.fresh1 = static_cast<float>(1 - attrs.beta1);
  rates.fresh2 = static_cast<float>(1 - attrs.beta2);
  rates.keep = static_cast<float>(1 - lr * attrs.weightDecay);
  rates.eps = static_cast<float>(attrs.eps);
  rates.stepSize = static_cast<float>(lr / (1 - std::pow(attrs.beta1, t)));
  rates.rootScale = static_cast<float>(1 / std::sqrt(1 - std::pow(attrs.beta2, t)));
  parallelChunks(args.threads, w.count, CHUNK, [&](int64_t i, int64_t n) {
    float gs[CHUNK];
    adamwLeaf(w.f32() + i, loadChunk(g, i, n, gs), m.f32() + i, v.f32() + i, args.out[0].f32() + i, args.out[1].f32() + i, args.out[2].f32() + i, n, rates);
  });
}

}  // namespace revoxel::ops
