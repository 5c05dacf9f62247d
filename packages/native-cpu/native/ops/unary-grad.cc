// unaryGrad: dx = f'(x) * dy. In place on either operand: a chunk is read before it is written.
#include <cmath>

#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

using Leaf = void (*)(const float* x, const float* dy, float* dx, int64_t n, float slope);

#define REVOXEL_UNARY_GRAD(name, expression)                                                                  \
  REVOXEL_CLONES void name(const float* x, const float* dy, float* dx, int64_t n, [[maybe_unused]] float slope) { \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                                                     \
      const float v = x[i];                                                                                   \
      const float d = dy[i];                                                                                  \
      dx[i] = expression;                                                                                     \
    }                                                                                                         \
  }

REVOXEL_LEAF_INLINE float sigmoidSlope(float v) {
  const float s = 1.0f / (1.0f + expLeaf(-v));
  return s * (1.0f - s);
}

REVOXEL_UNARY_GRAD(leakyReluLeaf, v > 0.0f ? d : slope * d)
REVOXEL_UNARY_GRAD(sigmoidLeaf, sigmoidSlope(v) * d)
REVOXEL_UNARY_GRAD(expGradLeaf, expLeaf(v) * d)
REVOXEL_UNARY_GRAD(logLeaf, d / v)
REVOXEL_UNARY_GRAD(sqrtLeaf, 0.5f * d / std::sqrt(v))
REVOXEL_UNARY_GRAD(squareLeaf, 2.0f * v * d)
REVOXEL_UNARY_GRAD(absLeaf, v > 0.0f ? d : (v < 0.0f ? -d : v * d))

#undef REVOXEL_UNARY_GRAD

void tanhLeaf(const float* x, const float* dy, float* dx, int64_t n, float) {
  for (int64_t i = 0; i < n; i++) {
    const float t = std::tanh(x[i]);
    dx[i] = (1.0f - t * t) * dy[i];
  }
}
void geluLeaf(const float* x, const float* dy, float* dx, int64_t n, float) {
  for (int64_t i = 0; i < n; i++) {
    const float v = x[i];
    const float density = 0.39894228f * std::exp(-0.5f * v * v);
    dx[i] = (0.5f * std::erfc(v * -0.70710678f) + v * density) * dy[i];
  }
}

Leaf leafOf(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::leakyRelu: return leakyReluLeaf;
    case UnaryKind::sigmoid: return sigmoidLeaf;
    case UnaryKind::tanh: return tanhLeaf;
    case UnaryKind::gelu: return geluLeaf;
    case UnaryKind::exp: return expGradLeaf;
    case UnaryKind::log: return logLeaf;
    case UnaryKind::sqrt: return sqrtLeaf;
    case UnaryKind::square: return squareLeaf;
    case UnaryKind::abs: return absLeaf;
  }
  throw Error("ERR_PLAN", "unknown kind");
}

}  // namespace

void unaryGrad(const Args& args) {
  args.requireOperands(2, 1);
  const auto& attrs = args.attrs<UnaryGradAttrs>();
  const Tensor &x = args.in[0], &dy = args.in[1], &dx = args.out[0];
  args.require(x.count == dx.count && dy.count == dx.count, "operands and result differ in size");
  const Leaf leaf = leafOf(attrs.kind);
  const float slope = static_cast<float>(attrs.slope);
  parallelChunks(args.threads, dx.count, CHUNK, [&](int64_t i, int64_t n) {
    float xs[CHUNK], ds[CHUNK], ys[CHUNK];
    float* const target = targetChunk(dx, i, ys);
    leaf(loadChunk(x, i, n, xs), loadChunk(dy, i, n, ds), target, n, slope);
    storeChunk(dx, i, n, target);
  });
}

}  // namespace revoxel::ops
