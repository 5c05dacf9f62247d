// sgdUpdate: SGD with momentum; the results overlay w and m. fp32, one pass.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

REVOXEL_CLONES void sgdLeaf(const float* w, const float* g, const float* m, float* newW, float* newM, int64_t n, float lr, float factor, float momentum, float decay, float ahead) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    const float grad = factor * g[i] + decay * w[i];
    const float moment = momentum * m[i] + grad;
    newM[i] = moment;
    // ahead = momentum with Nesterov: grad + momentum * moment; otherwise the moment itself.
    newW[i] = w[i] - lr * (ahead >= 0.0f ? grad + ahead * moment : moment);
  }
}

}  // namespace

void sgdUpdate(const Args& args) {
  args.requireOperands(5, 2);
  const auto& attrs = args.attrs<SgdUpdateAttrs>();
  const Tensor &w = args.in[0], &g = args.in[1], &m = args.in[2], &newW = args.out[0], &newM = args.out[1];
  args.require(w.dtype == DType::f32 && m.dtype == DType::f32 && w.count == g.count && w.count == m.count && w.count == newW.count && w.count == newM.count, "operands differ in size or are not f32");
  const float lr = loadOne(args.in[3], 0), factor = loadOne(args.in[4], 0);
  if (factor < 0.0f) return;  // a skipped step
  const float momentum = static_cast<float>(attrs.momentum);
  parallelChunks(args.threads, w.count, CHUNK, [&](int64_t i, int64_t n) {
    float gs[CHUNK];
    sgdLeaf(w.f32() + i, loadChunk(g, i, n, gs), m.f32() + i, newW.f32() + i, newM.f32() + i, n, lr, factor, momentum, static_cast<float>(attrs.weightDecay), attrs.nesterov ? momentum : -1.0f);
  });
}

}  // namespace revoxel::ops
