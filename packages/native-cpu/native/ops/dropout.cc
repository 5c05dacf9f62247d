// dropout: element i (memory order) takes word i % 4 of the Philox block with counter (i / 4 low, high, step, 0) and key
// (seed, key); kept where the word is at least p * 2^32, then divided by 1 - p. In place.
#include <cmath>

#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** n floats; the chunk starts at a multiple of 4. */
REVOXEL_CLONES void dropoutLeaf(const float* x, float* y, int64_t n, uint64_t block, uint32_t step, uint32_t seed, uint32_t key, uint64_t threshold, float factor) {
  uint32_t words[CHUNK];
  const int64_t blocks = (n + 3) / 4;
#pragma omp simd
  for (int64_t b = 0; b < blocks; b++) {
    const uint64_t counter = block + static_cast<uint64_t>(b);
    const Philox4 draw = philox4x32(static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), step, 0, seed, key);
    for (int j = 0; j < 4; j++) words[4 * b + j] = draw.word[j];
  }
#pragma omp simd
  for (int64_t i = 0; i < n; i++) y[i] = words[i] >= threshold ? x[i] * factor : 0.0f;
}

}  // namespace

void dropout(const Args& args) {
  args.requireOperands(3, 1);
  const auto& attrs = args.attrs<DropoutAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.count == y.count && args.in[1].dtype == DType::u32 && args.in[2].dtype == DType::u32, "operands do not fit");
  const uint32_t seed = *args.in[1].as<uint32_t>(), step = *args.in[2].as<uint32_t>(), key = static_cast<uint32_t>(attrs.key);
  const uint64_t threshold = static_cast<uint64_t>(std::ceil(attrs.p * 4294967296.0));
  const float factor = static_cast<float>(1.0 / (1.0 - attrs.p));
  static_assert(CHUNK % 4 == 0, "chunks hold whole blocks of random words");
  parallelChunks(args.threads, y.count, CHUNK, [&](int64_t i, int64_t n) {
    float xs[CHUNK], ys[CHUNK];
    float* const target = targetChunk(y, i, ys);
    dropoutLeaf(loadChunk(x, i, n, xs), target, n, static_cast<uint64_t>(i / 4), step, seed, key, threshold, factor);
    storeChunk(y, i, n, target);
  });
}

}  // namespace revoxel::ops
