// pool: max and average over windows; all channels of a voxel together. Taps are visited in D, H, W order.
#include <limits>

#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"
#include "volume.h"

namespace revoxel::ops {

namespace {

// A NaN on either side is the result.
REVOXEL_CLONES void maxInto(const float* x, float* best, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) best[i] = (x[i] > best[i] || x[i] != x[i]) ? x[i] : best[i];
}

REVOXEL_CLONES void addInto(const float* x, float* sum, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) sum[i] += x[i];
}

}  // namespace

void pool(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<PoolAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  const Volume xs = Volume::of(x), ys = Volume::of(y);
  args.require(xs.n == ys.n && xs.c == ys.c, "operand and result differ");
  const Triple kernel = Triple::of(attrs.kernel, 1), stride = Triple::of(attrs.stride, 1), pad = Triple::of(attrs.padBefore, 0);
  const bool isMax = attrs.kind == PoolKind::max;
  const int64_t rows = ys.n * ys.d * ys.h;
  parallelRange(args.threads, rows, ys.w * ys.c * kernel.product(), [&](int64_t begin, int64_t end) {
    float acc[CHUNK], wide[CHUNK];
    for (int64_t row = begin; row < end; row++) {
      const int64_t n = row / (ys.d * ys.h), z = row / ys.h % ys.d, yy = row % ys.h;
      for (int64_t xx = 0; xx < ys.w; xx++) {
        for (int64_t c0 = 0; c0 < ys.c; c0 += CHUNK) {
          const int64_t m = ys.c - c0 < CHUNK ? ys.c - c0 : CHUNK;
          for (int64_t i = 0; i < m; i++) acc[i] = isMax ? -std::numeric_limits<float>::infinity() : 0.0f;
          int64_t count = 0;
          for (int64_t kz = 0; kz < kernel.d; kz++) {
            const int64_t sz = z * stride.d - pad.d + kz;
            if (sz < 0 || sz >= xs.d) continue;
            for (int64_t ky = 0; ky < kernel.h; ky++) {
              const int64_t sy = yy * stride.h - pad.h + ky;
              if (sy < 0 || sy >= xs.h) continue;
              for (int64_t kx = 0; kx < kernel.w; kx++) {
                const int64_t sx = xx * stride.w - pad.w + kx;
                if (sx < 0 || sx >= xs.w) continue;
                const float* const source = loadChunk(x, xs.at(n, sz, sy, sx) + c0, m, wide);
                if (isMax) maxInto(source, acc, m);
                else addInto(source, acc, m);
                count++;
              }
            }
          }
          if (!isMax) {
            const float divisor = static_cast<float>(attrs.countPadding ? kernel.product() : count);
            for (int64_t i = 0; i < m; i++) acc[i] /= divisor;
          }
          const int64_t at = ys.at(n, z, yy, xx) + c0;
          if (y.dtype == DType::bf16) storeChunk(y, at, m, acc);
          else std::memcpy(y.f32() + at, acc, static_cast<size_t>(m) * sizeof(float));
        }
      }
    }
  });
}

}  // namespace revoxel::ops
