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
};

template <class G, int N>
__device__ __forceinline__ void update(const Sgd<G>& f, float lr, float factor, int64_t i) {
  const Pack<G, N> gs = loadPack<G, N>(f.g + i);
  Pack<float, N> ws = loadPack<float, N>(f.w + i), ms = loadPack<float, N>(f.m + i);
#pragma unroll
  for (int k = 0; k < N; k++) {
    const float grad = factor * toFloat(gs.at[k]) + f.decay * ws.at[k];
    const float moment = f.momentum * ms.at[k] + grad;
    ms.at[k] = moment;
    ws.at[k] = ws.at[k] - lr * (f.nesterov ? grad + f.momentum * moment : moment);
  }
  storePack<float, N>(f.newM + i, ms);
  storePack<float, N>(f.newW + i, ws);
}

template <class G>
__global__ void __launch_bounds__(BLOCK) sgdKernel(const Sgd<G> f, int64_t n) {
  const float lr = f.lr[0], factor = f.factor[0];
  // A negative factor: a skipped step.
  if (f.status[0] != 0 || factor < 0.0f) return;
  const int64_t packs = n / 4, step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (int64_t p = first; p < packs; p += step) update<G, 4>(f, lr, factor, p * 4);
  for (int64_t i = packs * 4 + first; i < n; i += step) update<G, 1>(f, lr, factor, i);
}

}  // namespace

void sgdUpdate(const Args& args) {
  args.requireOperands(5, 2);
  const auto& attrs = args.attrs<SgdUpdateAttrs>();
  const Tensor &w = args.in[0], &g = args.in[1], &m = args.in[2], &newW = args.out[0], &newM = args.out[1];
  args.require(w.dtype == DType::f32 && m.dtype == DType::f32 && w.count == g.count && w.count == m.count && w.count == newW.count && w.count == newM.count, "operands differ in size or are not f32");
  args.require(args.in[3].dtype == DType::f32 && args.in[4].dtype == DType::f32, "lr and factor must be f32");
  withFloat(g.dtype, [&](auto type) {
    using G = decltype(type);
    const Sgd<G> f{w.f32(), g.as<G>(), m.f32(), newW.f32(), newM.f32(), args.in[3].f32(), args.in[4].f32(), args.status, static_cast<float>(attrs.momentum), static_cast<float>(attrs.weightDecay), attrs.nesterov};
    const unsigned blocks = std::min(gridFor(ceilDiv(w.count, 4)), static_cast<unsigned>(8 * args.device->multiprocessors));
    if (w.count > 0) launch(args, sgdKernel<G>, blocks, BLOCK, 0, f, w.count);
  });
}

}  // namespace revoxel::ops
