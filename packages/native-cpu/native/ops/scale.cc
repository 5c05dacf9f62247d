// scale: y = factor * x + offset, for floats in fp32, for integers in float64 with rounding and clamping. In place.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

REVOXEL_CLONES void scaleLeaf(const float* x, float* y, int64_t n, float factor, float offset) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) y[i] = factor * x[i] + offset;
}

template <class Int>
void scaleIntegers(const Args& args, double factor, double offset) {
  const Int* const x = args.in[0].as<Int>();
  Int* const y = args.out[0].as<Int>();
  parallelRange(args.threads, args.out[0].count, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) y[i] = toInteger<Int>(factor * static_cast<double>(x[i]) + offset);
  });
}

}  // namespace

void scale(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<ScaleAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.count == y.count && x.dtype == y.dtype, "operand and result differ");
  switch (x.dtype) {
    case DType::u8: return scaleIntegers<uint8_t>(args, attrs.factor, attrs.offset);
    case DType::q16: return scaleIntegers<int16_t>(args, attrs.factor, attrs.offset);
    case DType::i32:
    case DType::q32: return scaleIntegers<int32_t>(args, attrs.factor, attrs.offset);
    case DType::u32: return scaleIntegers<uint32_t>(args, attrs.factor, attrs.offset);
    default: break;
  }
  const float factor = static_cast<float>(attrs.factor), offset = static_cast<float>(attrs.offset);
  parallelChunks(args.threads, y.count, CHUNK, [&](int64_t i, int64_t n) {
    float xs[CHUNK], ys[CHUNK];
    float* const target = targetChunk(y, i, ys);
    scaleLeaf(loadChunk(x, i, n, xs), target, n, factor, offset);
    storeChunk(y, i, n, target);
  });
}

}  // namespace revoxel::ops
