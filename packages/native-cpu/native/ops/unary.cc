// unary: elementwise functions of one operand. In place: a chunk is read before it is written.
#include <cmath>

#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

using Leaf = void (*)(const float* x, float* y, int64_t n, float slope);

#define REVOXEL_UNARY(name, expression)                                                   \
  REVOXEL_CLONES void name(const float* x, float* y, int64_t n, [[maybe_unused]] float slope) { \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                                 \
      const float v = x[i];                                                               \
      y[i] = expression;                                                                  \
    }                                                                                     \
  }

REVOXEL_UNARY(leakyReluLeaf, v > 0.0f ? v : slope * v)
REVOXEL_UNARY(sigmoidLeaf, 1.0f / (1.0f + expLeaf(-v)))
REVOXEL_UNARY(expLeafLoop, expLeaf(v))
REVOXEL_UNARY(sqrtLeaf, std::sqrt(v))
REVOXEL_UNARY(squareLeaf, v * v)
REVOXEL_UNARY(absLeaf, std::fabs(v))

#undef REVOXEL_UNARY

// Library functions that compilers do not vectorise; rare in networks.
void tanhLeaf(const float* x, float* y, int64_t n, float) {
  for (int64_t i = 0; i < n; i++) y[i] = std::tanh(x[i]);
}
void logLeaf(const float* x, float* y, int64_t n, float) {
  for (int64_t i = 0; i < n; i++) y[i] = std::log(x[i]);
}
// erfc keeps the digits that 1 + erf loses for negative arguments.
void geluLeaf(const float* x, float* y, int64_t n, float) {
  for (int64_t i = 0; i < n; i++) y[i] = 0.5f * x[i] * std::erfc(x[i] * -0.70710678f);
}

Leaf leafOf(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::leakyRelu: return leakyReluLeaf;
    case UnaryKind::sigmoid: return sigmoidLeaf;
    case UnaryKind::tanh: return tanhLeaf;
    case UnaryKind::gelu: return geluLeaf;
    case UnaryKind::exp: return expLeafLoop;
    case UnaryKind::log: return logLeaf;
    case UnaryKind::sqrt: return sqrtLeaf;
    case UnaryKind::square: return squareLeaf;
    case UnaryKind::abs: return absLeaf;
  }
  throw Error("ERR_PLAN", "unknown kind");
}

}  // namespace

void unary(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<UnaryAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.count == y.count, "operand and result differ in size");
  const Leaf leaf = leafOf(attrs.kind);
  const float slope = static_cast<float>(attrs.slope);
  parallelChunks(args.threads, y.count, CHUNK, [&](int64_t i, int64_t n) {
    float xs[CHUNK], ys[CHUNK];
    float* const target = targetChunk(y, i, ys);
    leaf(loadChunk(x, i, n, xs), target, n, slope);
    storeChunk(y, i, n, target);
  });
}

}  // namespace revoxel::ops
