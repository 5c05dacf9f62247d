// resampleGrad: gradient of a resampling's matrices. Tiles of both tensors are gathered into planes; every pair of
// planes is multiplied and summed over the blocks of the tile in fp32 lanes, over tiles in float64. Every thread has
// sums of its own, which are added in a fixed order.
#include "../core/lanes.h"
#include "../core/parallel.h"
#include "../core/simd.h"
#include "blocks.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

REVOXEL_CLONES void productLeaf(const float* a, const float* b, int64_t n, int64_t p, float* lanes) {
  for (int64_t i = 0; i < n; i += p) {
    const int64_t m = n - i < p ? n - i : p;
#pragma omp simd
    for (int64_t j = 0; j < m; j++) lanes[j] += a[i + j] * b[i + j];
  }
}

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
  // Sums [row][column][channel], and lanes of one pair of planes.
  const int64_t sums = s * s * ceil16(c), own = 8 * sums + 4 * ceil16(p);
  char* const scratch = args.scratchOf<char>(args.threads * own);
  parallelParts(args.threads, parts, [&](int64_t part) {
    double* const total = reinterpret_cast<double*>(scratch + part * own);
    float* const lanes = reinterpret_cast<float*>(total + sums);
    Gathering largeTile, smallTile;
    for (int64_t i = 0; i < sums; i++) total[i] = 0;
    const Share share = shareOf(b.rows(), part, parts);
    for (int64_t row = share.begin; row < share.end; row++) {
      eachTile(b, row, [&](const Tile& tile) {
        const int64_t n = tile.plane(), used = n < p ? n : p;
        const float* const xs = largeTile.of(b, tile, large, true);
        const float* const ys = smallTile.of(b, tile, small, false);
        for (int64_t o = 0; o < s; o++) {
          for (int64_t k = 0; k < s; k++) {
            for (int64_t j = 0; j < used; j++) lanes[j] = 0;
            productLeaf(ys + o * n, xs + k * n, n, p, lanes);
            double* const to = total + (o * s + k) * ceil16(c) + tile.channel;
            for (int64_t j = 0; j < used; j += tile.channels) {
              for (int64_t i = 0; i < tile.channels; i++) to[i] += static_cast<double>(lanes[j + i]);
            }
          }
        }
      });
    }
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
