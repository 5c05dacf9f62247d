// resizeGrad: every voxel of dx gathers from the outputs that sampled it, in D, H, W order: first the rows of dy that
// touch a row of dx are summed into one row of floats, then its elements along W.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"
#include "resize-axes.h"

namespace revoxel::ops {

namespace {

REVOXEL_CLONES void addScaled(const float* x, float factor, float* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) y[i] += factor * x[i];
}

}  // namespace

void resizeGrad(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<ResizeGradAttrs>();
  const Tensor &dy = args.in[0], &dx = args.out[0];
  const Volume ys = Volume::of(dy), xs = Volume::of(dx);
  args.require(dy.dtype == dx.dtype && xs.n == ys.n && xs.c == ys.c && (dx.dtype == DType::f32 || dx.dtype == DType::bf16), "operand and result differ");
  const ResizeTables tables(args, attrs.mode == ResizeMode::linear, xs, ys);
  const int64_t parts = dy.count < 2 * GRAIN ? 1 : args.threads;
  parallelParts(args.threads, parts, [&](int64_t part) {
    const Share share = shareOf(xs.n * xs.d * xs.h, part, parts);
    float* const row = tables.row(part);
    float wide[CHUNK], out[CHUNK];
    const int64_t length = ys.w * ys.c;
    for (int64_t r = share.begin; r < share.end; r++) {
      const int64_t n = r / (xs.d * xs.h), z = r / xs.h % xs.d, y = r % xs.h;
      for (int64_t i = 0; i < length; i++) row[i] = 0.0f;
      const Run &rz = tables.d.runs[z], &ry = tables.h.runs[y];
      for (int64_t oz = rz.first; oz <= rz.last; oz++) {
        for (int64_t oy = ry.first; oy <= ry.last; oy++) {
          const float weight = tables.d.weight(oz, z) * tables.h.weight(oy, y);
          const int64_t from = ys.at(n, oz, oy, 0);
          for (int64_t i = 0; i < length; i += CHUNK) {
            const int64_t m = length - i < CHUNK ? length - i : CHUNK;
            addScaled(loadChunk(dy, from + i, m, wide), weight, row + i, m);
          }
        }
      }
      for (int64_t x = 0; x < xs.w; x++) {
        const Run& rx = tables.w.runs[x];
        for (int64_t c0 = 0; c0 < xs.c; c0 += CHUNK) {
          const int64_t m = xs.c - c0 < CHUNK ? xs.c - c0 : CHUNK;
          const int64_t at = xs.at(n, z, y, x) + c0;
          float* const target = targetChunk(dx, at, out);
          for (int64_t i = 0; i < m; i++) target[i] = 0.0f;
          for (int64_t ox = rx.first; ox <= rx.last; ox++) addScaled(row + ox * ys.c + c0, tables.w.weight(ox, x), target, m);
          storeChunk(dx, at, m, target);
        }
      }
    }
  });
}

}  // namespace revoxel::ops
