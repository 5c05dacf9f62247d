// coupleGrad: dy where the integer that was added is below the limit, from f or from the stream before and after. In
// place: a chunk is read before it is written.
#include "../core/grid.h"
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** |q| < L where |f 2^g| < bound; a NaN in f has q = 0. */
REVOXEL_CLONES void maskByF(const float* f, const float* dy, float* df, int64_t n, float scale, float bound) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    const float v = f[i] * scale;
    df[i] = (v < 0.0f ? -v : v) >= bound ? 0.0f : dy[i];
  }
}

// Differences wrap around.
REVOXEL_CLONES void maskByQ16(const int16_t* before, const int16_t* after, const float* dy, float* df, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    const uint16_t q = static_cast<uint16_t>(after[i] - before[i]);
    df[i] = isBelowLimit<int16_t>(q) ? dy[i] : 0.0f;
  }
}

REVOXEL_CLONES void maskByQ32(const int32_t* before, const int32_t* after, const float* dy, float* df, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    const uint32_t q = static_cast<uint32_t>(after[i]) - static_cast<uint32_t>(before[i]);
    df[i] = isBelowLimit<int32_t>(q) ? dy[i] : 0.0f;
  }
}

// The same for bf16 without widening: magnitudes compare as their bits do, and NaN lies above infinity.
REVOXEL_CLONES void maskNarrowByF(const uint16_t* f, const uint16_t* dy, uint16_t* df, int64_t n, uint16_t boundBits) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    const uint16_t size = f[i] & 0x7fffu;
    df[i] = size >= boundBits && size <= 0x7f80u ? uint16_t{0} : dy[i];
  }
}

REVOXEL_CLONES void maskNarrowByQ16(const uint16_t* before, const uint16_t* after, const uint16_t* dy, uint16_t* df, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    const uint16_t q = static_cast<uint16_t>(after[i] - before[i]);
    df[i] = isBelowLimit<int16_t>(q) ? dy[i] : uint16_t{0};
  }
}

/** Bits of the smallest bf16 that is at least `bound`. */
uint16_t upperBits(float bound) {
  uint32_t bits;
  std::memcpy(&bits, &bound, sizeof bits);
  return static_cast<uint16_t>((bits + 0xffffu) >> 16);
}

}  // namespace

void coupleGrad(const Args& args) {
  args.requireOperands(3, 1);
  const auto& attrs = args.attrs<CoupleGradAttrs>();
  const bool fromF = attrs.from == CoupleGradFrom::f, small = attrs.to == QuantizeTo::q16;
  const Tensor &first = args.in[0], &second = args.in[1], &dy = args.in[fromF ? 1 : 2], &df = args.out[0];
  args.require(first.count == df.count && second.count == df.count && dy.count == df.count && dy.dtype == df.dtype, "operands and result differ");
  args.require(fromF ? args.in[2].count == 1 : (first.dtype == second.dtype && first.dtype == (small ? DType::q16 : DType::q32)), "expects one exponent, or two states of the stream's dtype");
  const float scale = fromF ? gridScale(args.in[2]) : 1.0f;
  // Half a step below the limit everything rounds to the limit; floats just below 2^30 are whole.
  const float bound = small ? ADD_LIMIT<int16_t> - 0.5f : ADD_LIMIT<int32_t>;
  if (df.dtype == DType::bf16 && (fromF || small)) {
    const auto words = [](const Tensor& t, int64_t i) { return t.as<uint16_t>() + i; };
    args.require(!fromF || first.dtype == DType::bf16, "f and dy must have one dtype");
    // Exact: both are powers of two, or half a step below one.
    const uint16_t boundBits = upperBits(bound / scale);
    parallelChunks(args.threads, df.count, CHUNK, [&](int64_t i, int64_t n) {
      if (fromF) maskNarrowByF(words(first, i), words(dy, i), words(df, i), n, boundBits);
      else maskNarrowByQ16(words(first, i), words(second, i), words(dy, i), words(df, i), n);
    });
    return;
  }
  parallelChunks(args.threads, df.count, CHUNK, [&](int64_t i, int64_t n) {
    float fs[CHUNK], dys[CHUNK], dfs[CHUNK];
    float* const target = targetChunk(df, i, dfs);
    const float* const grad = loadChunk(dy, i, n, dys);
    if (fromF) maskByF(loadChunk(first, i, n, fs), grad, target, n, scale, bound);
    else if (small) maskByQ16(first.as<int16_t>() + i, second.as<int16_t>() + i, grad, target, n);
    else maskByQ32(first.as<int32_t>() + i, second.as<int32_t>() + i, grad, target, n);
    storeChunk(df, i, n, target);
  });
}

}  // namespace revoxel::ops
