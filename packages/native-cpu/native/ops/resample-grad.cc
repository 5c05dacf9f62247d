// resampleGrad: gradient of a resampling's matrices. Tiles of both tensors are gathered into planes; every pair of
// planes is multiplied and summed over some tiles in fp32 lanes, then in float64. Every thread has sums of its own,
// which are added in a fixed order.
#include "../core/lanes.h"
#include "../core/parallel.h"
#include "../core/simd.h"
#include "blocks.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** lanes of plane k += a times plane k of b, for `count` planes of n elements; lanes repeat every p elements. */
REVOXEL_CLONES void productLeaf(const float* a, const float* b, int64_t n, int64_t p, int64_t count, float* lanes, int64_t laneStride) {
  for (int64_t i = 0; i < n; i += p) {
    const int64_t m = n - i < p ? n - i : p;
    int64_t k = 0;
    for (; k + 4 <= count; k += 4) {
      const float *const b0 = b + k * n + i, *const b1 = b0 + n, *const b2 = b1 + n, *const b3 = b2 + n;
      float *const l0 = lanes + k * laneStride, *const l1 = l0 + laneStride, *const l2 = l1 + laneStride, *const l3 = l2 + laneStride;
#pragma omp simd
      for (int64_t j = 0; j < m; j++) {
        l0[j] += a[i + j] * b0[j];
        l1[j] += a[i + j] * b1[j];
        l2[j] += a[i + j] * b2[j];
        l3[j] += a[i + j] * b3[j];
      }
    }
    for (; k < count; k++) {
      const float* const b0 = b + k * n + i;
      float* const l0 = lanes + k * laneStride;
#pragma omp simd
      for (int64_t j = 0; j < m; j++) l0[j] += a[i + j] * b0[j];
    }
  }
}

/** Tiles that lanes are summed over: some hundred terms a lane. */
constexpr int64_t TILES_PER_FOLD = 64;

/** The planes of a tile as floats. */
struct Gathering {
  float planes[TILE], work[2 * TILE];
  uint16_t words[TILE], wordWork[2 * TILE];

  const float* of(const Blocks& b, const Tile& tile, const Tensor& x, bool isLarge) {
    if (x.dtype == DType::f32) {
      if (isLarge) gatherLarge(b, tile, x.f32(), planes);
      else gatherSmall(b, tile, x.f32(), planes, work);
      return planes;
    }
    if (isLarge) gatherLarge(b, tile, x.as<uint16_t>(), words);
    else gatherSmall(b, tile, x.as<uint16_t>(), words, wordWork);
    widen(words, planes, b.s * tile.plane());
    return planes;
  }
};

}  // namespace

void resampleGrad(const Args& args) {
  args.requireOperands(2, 1);
  const auto& attrs = args.attrs<ResampleGradAttrs>();
  const Tensor &large = args.in[0], &small = args.in[1], &dm = args.out[0];
  args.require(large.dtype == small.dtype && (large.dtype == DType::f32 || large.dtype == DType::bf16), "expects two float tensors of one dtype");
  const Blocks b(args, large, small, attrs.stride, attrs.order == SqueezeOrder::channelMajor);
  const int64_t c = b.large.c, s = b.s, p = periodOf(c);
  args.require(s <= TILE && dm.count == (attrs.shared ? 1 : c) * s * s, "the result has the wrong size");
  const int64_t parts = large.count < 2 * GRAIN ? 1 : args.threads;
  // Sums [row][column][channel] and lanes [row][column][p].
  const int64_t sums = s * s * ceil16(c), laneStride = ceil16(p), own = 8 * sums + 4 * s * s * laneStride;
  char* const scratch = args.scratchOf<char>(args.threads * own);
  parallelParts(args.threads, parts, [&](int64_t part) {
    double* const total = reinterpret_cast<double*>(scratch + part * own);
    float* const lanes = reinterpret_cast<float*>(total + sums);
    Gathering largeTile, smallTile;
    for (int64_t i = 0; i < sums; i++) total[i] = 0;
    for (int64_t i = 0; i < s * s * laneStride; i++) lanes[i] = 0;
    const auto fold = [&] {
      for (int64_t pair = 0; pair < s * s; pair++) {
        float* const from = lanes + pair * laneStride;
        double* const to = total + pair * ceil16(c);
        for (int64_t j = 0; j < p; j += c) {
          for (int64_t i = 0; i < c; i++) to[i] += static_cast<double>(from[j + i]);
        }
        for (int64_t j = 0; j < p; j++) from[j] = 0;
      }
    };
    int64_t tiles = 0;
    const Share share = shareOf(b.rows(), part, parts);
    for (int64_t row = share.begin; row < share.end; row++) {
      eachTile(b, row, [&](const Tile& tile) {
        const int64_t n = tile.plane();
        const float* const xs = largeTile.of(b, tile, large, true);
        const float* const ys = smallTile.of(b, tile, small, false);
        for (int64_t o = 0; o < s; o++) productLeaf(ys + o * n, xs, n, p, s, lanes + o * s * laneStride + tile.channel, laneStride);
        if (++tiles % TILES_PER_FOLD == 0) fold();
      });
    }
    fold();
  });
  for (int64_t o = 0; o < s; o++) {
    for (int64_t k = 0; k < s; k++) {
      double all = 0;
      for (int64_t i = 0; i < c; i++) {
        double sum = 0;
        for (int64_t part = 0; part < parts; part++) sum += reinterpret_cast<const double*>(scratch + part * own)[(o * s + k) * ceil16(c) + i];
        // Tensors of rank 3 have axis 1, the row, last in memory.
        if (!attrs.shared) dm.f32()[(i * s + k) * s + o] = static_cast<float>(sum);
        all += sum;
      }
      if (attrs.shared) dm.f32()[k * s + o] = static_cast<float>(all);
    }
  }
}

}  // namespace revoxel::ops
