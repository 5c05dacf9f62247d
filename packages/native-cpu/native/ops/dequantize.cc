// dequantize: fixed-point numbers as floats. In place: a chunk is read before it is written.
#include "../core/grid.h"
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

void dequantize(const Args& args) {
  args.requireOperands(2, 1);
  const Tensor &k = args.in[0], &y = args.out[0];
  args.require(isFixed(k.dtype) && k.count == y.count && args.in[1].count == 1, "expects a fixed-point operand of the result's size");
  const float step = gridStep(args.in[1]);
  parallelChunks(args.threads, y.count, CHUNK, [&](int64_t i, int64_t n) {
    float buffer[CHUNK];
    // Floats over the integers they are made of: read all of a chunk before it changes its type.
    float* const target = k.data == y.data ? buffer : targetChunk(y, i, buffer);
    loadChunk(k, i, n, target, step);
    if (target == buffer && y.dtype == DType::f32) std::memcpy(y.f32() + i, buffer, static_cast<size_t>(n) * sizeof(float));
    storeChunk(y, i, n, buffer);
  });
}

}  // namespace revoxel::ops
