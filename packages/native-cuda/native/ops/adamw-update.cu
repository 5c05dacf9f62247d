// adamwUpdate: AdamW; the results overlay w, m and v. fp32, bias corrections in float64, one pass.
#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

struct Rates {
  float factor, keep, stepSize, rootScale;
};

template <class G>
struct Adamw {
  const float* w;
  const G* g;
  const float *m, *v;
  float *newW, *newM, *newV;
  const float *lr, *factor;
  const uint32_t* step;
  const int* status;
  double beta1, beta2, weightDecay;
  float decay1, fresh1, decay2, fresh2, eps;

  __device__ Rates rates() const {
    const double rate = lr[0], t = static_cast<double>(step[0]) + 1;
    return Rates{factor[0], static_cast<float>(1 - rate * weightDecay), static_cast<float>(rate / (1 - pow(beta1, t))), static_cast<float>(1 / sqrt(1 - pow(beta2, t)))};
  }
};

template <class G, int N>
__device__ __forceinline__ void update(const Adamw<G>& f, const Rates& r, int64_t i) {
  const Pack<G, N> gs = loadPack<G, N>(f.g + i);
  Pack<float, N> ws = loadPack<float, N>(f.w + i), ms = loadPack<float, N>(f.m + i), vs = loadPack<float, N>(f.v + i);
#pragma unroll
  for (int k = 0; k < N; k++) {
    const float grad = r.factor * toFloat(gs.at[k]);
    const float first = f.decay1 * ms.at[k] + f.fresh1 * grad;
    const float second = f.decay2 * vs.at[k] + f.fresh2 * grad * grad;
    ms.at[k] = first;
    vs.at[k] = second;
    ws.at[k] = r.keep * ws.at[k] - r.stepSize * first / (sqrtf(second) * r.rootScale + f.eps);
  }
  storePack<float, N>(f.newM + i, ms);
  storePack<float, N>(f.newV + i, vs);
  storePack<float, N>(f.newW + i, ws);
}

template <class G>
__global__ void __launch_bounds__(BLOCK) adamwKernel(const Adamw<G> f, int64_t n) {
  SHARED_STRUCT(Rates, shared);
  // A negative factor: a skipped step.
  if (f.status[0] != 0 || f.factor[0] < 0.0f) return;
  // The powers are dear: once a block.
  if (threadIdx.x == 0) shared = f.rates();
  __syncthreads();
  const Rates rates = shared;
  const int64_t packs = n / 4, step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (int64_t p = first; p < packs; p += step) update<G, 4>(f, rates, p * 4);
  for (int64_t i = packs * 4 + first; i < n; i += step) update<G, 1>(f, rates, i);
}

}  // namespace

void adamwUpdate(const Args& args) {
  args.requireOperands(7, 3);
  const auto& attrs = args.attrs<AdamwUpdateAttrs>();
  const Tensor &w = args.in[0], &g = args.in[1], &m = args.in[2], &v = args.in[3];
  for (const Tensor* t : {&w, &m, &v, &args.out[0], &args.out[1], &args.out[2]}) args.require(t->dtype == DType::f32 && t->count == g.count, "operands differ in size or are not f32");
  args.require(args.in[4].dtype == DType::f32 && args.in[5].dtype == DType::f32 && args.in[6].dtype == DType::u32, "lr and factor must be f32, step u32");
  withFloat(g.dtype, [&](auto type) {
    using G = decltype(type);
    Adamw<G> f{w.f32(), g.as<G>(), m.f32(), v.f32(), args.out[0].f32(), args.out[1].f32(), args.out[2].f32(), args.in[4].f32(), args.in[5].f32(), args.in[6].as<uint32_t>(), args.status, attrs.beta1, attrs.beta2, attrs.weightDecay, 0, 0, 0, 0, 0};
    f.decay1 = static_cast<float>(attrs.beta1);
    f.decay2 = static_cast<float>(attrs.beta2);
    // 1 - beta is taken before rounding: in fp32 it would lose four digits for beta near 1.
    f.fresh1 = static_cast<float>(1 - attrs.beta1);
    f.fresh2 = static_cast<float>(1 - attrs.beta2);
    f.eps = static_cast<float>(attrs.eps);
    const unsigned blocks = std::min(gridFor(ceilDiv(g.count, 4)), static_cast<unsigned>(8 * args.device->multiprocessors));
    if (g.count > 0) launch(args, adamwKernel<G>, blocks, BLOCK, 0, f, g.count);
  });
}

}  // namespace revoxel::ops
