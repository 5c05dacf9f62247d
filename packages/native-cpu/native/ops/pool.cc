// pool: max and average over windows; all channels of a voxel together. Taps are visited in D, H, W order. Maxima of
// fixed-point tensors are taken of the integers themselves.
#include <limits>

#include "../core/grid.h"
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"
#include <volume.h>

namespace revoxel::ops {

namespace {

// A NaN on either side is the result.
REVOXEL_CLONES void maxInto(const float* x, float* best, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) best[i] = (x[i] > best[i] || x[i] != x[i]) ? x[i] : best[i];
}

REVOXEL_CLONES void maxIntoQ16(const int16_t* x, int16_t* best, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) best[i] = x[i] > best[i] ? x[i] : best[i];
}

REVOXEL_CLONES void maxIntoQ32(const int32_t* x, int32_t* best, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) best[i] = x[i] > best[i] ? x[i] : best[i];
}

REVOXEL_CLONES void addInto(const float* x, float* sum, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) sum[i] += x[i];
}

/** Windows of all results along a row. */
struct Windows {
  Volume xs, ys;
  Triple kernel, stride, pad;

  /** begin() for every voxel of the result, then tap(element of x) for every voxel in its window, then end(element of y). */
  template <class Begin, class Tap, class End>
  void each(int64_t row, const Begin& begin, const Tap& tap, const End& end) const {
    const int64_t n = row / (ys.d * ys.h), z = row / ys.h % ys.d, yy = row % ys.h;
    for (int64_t xx = 0; xx < ys.w; xx++) {
      begin();
      for (int64_t kz = 0; kz < kernel.d; kz++) {
        const int64_t sz = z * stride.d - pad.d + kz;
        if (sz < 0 || sz >= xs.d) continue;
        for (int64_t ky = 0; ky < kernel.h; ky++) {
          const int64_t sy = yy * stride.h - pad.h + ky;
          if (sy < 0 || sy >= xs.h) continue;
          for (int64_t kx = 0; kx < kernel.w; kx++) {
            const int64_t sx = xx * stride.w - pad.w + kx;
            if (sx >= 0 && sx < xs.w) tap(xs.at(n, sz, sy, sx));
          }
        }
      }
      end(ys.at(n, z, yy, xx));
    }
  }
};

void poolFloats(const Args& args, const Windows& windows, bool isMax, bool countPadding) {
  const Tensor &x = args.in[0], &y = args.out[0];
  const Volume& ys = windows.ys;
  const int64_t taps = windows.kernel.product();
  parallelRange(args.threads, ys.n * ys.d * ys.h, ys.w * ys.c * taps, [&](int64_t begin, int64_t end) {
    float acc[CHUNK], wide[CHUNK];
    for (int64_t row = begin; row < end; row++) {
      for (int64_t c0 = 0; c0 < ys.c; c0 += CHUNK) {
        const int64_t m = ys.c - c0 < CHUNK ? ys.c - c0 : CHUNK;
        int64_t count = 0;
        windows.each(
            row,
            [&] {
              for (int64_t i = 0; i < m; i++) acc[i] = isMax ? -std::numeric_limits<float>::infinity() : 0.0f;
              count = 0;
            },
            [&](int64_t at) {
              const float* const source = loadChunk(x, at + c0, m, wide);
              if (isMax) maxInto(source, acc, m);
              else addInto(source, acc, m);
              count++;
            },
            [&](int64_t at) {
              if (!isMax) {
                const float divisor = static_cast<float>(countPadding ? taps : count);
                for (int64_t i = 0; i < m; i++) acc[i] /= divisor;
              }
              if (y.dtype == DType::bf16) storeChunk(y, at + c0, m, acc);
              else std::memcpy(y.f32() + at + c0, acc, static_cast<size_t>(m) * sizeof(float));
            });
      }
    }
  });
}

/** The first tap of a window is copied, the others compared with it. */
template <class Int>
void poolIntegers(const Args& args, const Windows& windows, void (*leaf)(const Int*, Int*, int64_t)) {
  const Int* const x = args.in[0].as<const Int>();
  Int* const y = args.out[0].as<Int>();
  const Volume& ys = windows.ys;
  parallelRange(args.threads, ys.n * ys.d * ys.h, ys.w * ys.c * windows.kernel.product(), [&](int64_t begin, int64_t end) {
    Int best[CHUNK];
    for (int64_t row = begin; row < end; row++) {
      for (int64_t c0 = 0; c0 < ys.c; c0 += CHUNK) {
        const int64_t m = ys.c - c0 < CHUNK ? ys.c - c0 : CHUNK;
        bool first = true;
        windows.each(
            row, [&] { first = true; },
            [&](int64_t at) {
              if (first) std::memcpy(best, x + at + c0, static_cast<size_t>(m) * sizeof(Int));
              else leaf(x + at + c0, best, m);
              first = false;
            },
            [&](int64_t at) { std::memcpy(y + at + c0, best, static_cast<size_t>(m) * sizeof(Int)); });
      }
    }
  });
}

}  // namespace

void pool(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<PoolAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  const Windows windows{Volume::of(x), Volume::of(y), Triple::of(attrs.kernel, 1), Triple::of(attrs.stride, 1), Triple::of(attrs.padBefore, 0)};
  args.require(windows.xs.n == windows.ys.n && windows.xs.c == windows.ys.c && x.dtype == y.dtype, "operand and result differ");
  const bool isMax = attrs.kind == PoolKind::max;
  args.require(isMax || !isFixed(x.dtype), "averages of fixed-point numbers are not exact");
  switch (x.dtype) {
    case DType::q16: return poolIntegers<int16_t>(args, windows, maxIntoQ16);
    case DType::q32: return poolIntegers<int32_t>(args, windows, maxIntoQ32);
    default: return poolFloats(args, windows, isMax, attrs.countPadding);
  }
}

}  // namespace revoxel::ops
