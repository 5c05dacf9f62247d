// sgdUpdate: SGD with momentum; the results overlay w and m. fp32, one pass.
#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

template <class G>
struct Sgd {
  const float* w;
  const G* g;
  const float* m;
  float *newW, *newM;
  const float *lr, *factor;
  const int* status;
  float momentum, decay;
  bool nesterov;

  __device__ void operator()(int64_t i) const {
    // A negative factor: a skipped step.
    if (status[0] != 0 || factor[0] < 0.0f) return;
    const float grad = factor[0] * toFloat(g[i]) + decay * w[i];
    const float moment = momentum * m[i] + grad;
    newW[i] = w[i] - lr[0] * (nesterov ? grad + momentum * moment : moment);
    newM[i] = moment;
  }
};

}  // namespace

void sgdUpdate(const Args& args) {
  args.requireOperands(5, 2);
  const auto& attrs = args.attrs<SgdUpdateAttrs>();
  const Tensor &w = args.in[0], &g = args.in[1], &m = args.in[2], &newW = args.out[0], &newM = args.out[1];
  args.require(w.dtype == DType::f32 && m.dtype == DType::f32 && w.count == g.count && w.count == m.count && w.count == newW.count && w.count == newM.count, "operands differ in size or are not f32");
  args.require(args.in[3].dtype == DType::f32 && args.in[4].dtype == DType::f32, "lr and factor must be f32");
  withFloat(g.dtype, [&](auto type) {
    using G = decltype(type);
    forEach(args, w.count, Sgd<G>{w.f32(), g.as<G>(), m.f32(), newW.f32(), newM.f32(), args.in[3].f32(), args.in[4].f32(), args.status, static_cast<float>(attrs.momentum), static_cast<float>(attrs.weightDecay), attrs.nesterov});
  });
}

}  // namespace revoxel::ops
