// poolGrad: every input voxel gathers from the windows that contain it, in D, H, W order, so that no two threads write
// one voxel and sums are in fp32. For a maximum the voxel wins a window if nothing before it is as large and nothing
// after it is larger; a NaN beats everything and the first NaN wins.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"
#include "volume.h"

namespace revoxel::ops {

namespace {

/** wins &= the tap, which comes before x in its window, leaves the maximum to x. */
REVOXEL_CLONES void beatsEarlier(const float* x, const float* tap, float* wins, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    const bool good = x[i] != x[i] ? tap[i] == tap[i] : tap[i] < x[i];
    wins[i] = good ? wins[i] : 0.0f;
  }
}

/** The same for a tap that comes after x. */
REVOXEL_CLONES void beatsLater(const float* x, const float* tap, float* wins, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    const bool good = x[i] != x[i] || tap[i] <= x[i];
    wins[i] = good ? wins[i] : 0.0f;
  }
}

REVOXEL_CLONES void addWhere(const float* dy, const float* wins, float* dx, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) dx[i] += wins[i] != 0.0f ? dy[i] : 0.0f;
}

REVOXEL_CLONES void addScaled(const float* dy, float factor, float* dx, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) dx[i] += dy[i] * factor;
}

/** Windows along one axis that contain index i: first .. last. */
struct Windows {
  int64_t first, last;
  Windows(int64_t i, int64_t kernel, int64_t stride, int64_t pad, int64_t count) {
    const int64_t low = i + pad - kernel + 1;
    first = low <= 0 ? 0 : (low + stride - 1) / stride;
    last = (i + pad) / stride;
    if (last >= count) last = count - 1;
  }
};

/** Begin and end of a window inside the operand. */
struct Span {
  int64_t begin, end;
  Span(int64_t window, int64_t kernel, int64_t stride, int64_t pad, int64_t size) : begin(window * stride - pad), end(begin + kernel) {
    if (begin < 0) begin = 0;
    if (end > size) end = size;
  }
  int64_t length() const { return end - begin; }
};

}  // namespace

void poolGrad(const Args& args) {
  args.requireOperands(2, 1);
  const auto& attrs = args.attrs<PoolGradAttrs>();
  const Tensor &x = args.in[0], &dy = args.in[1], &dx = args.out[0];
  const Volume xs = Volume::of(x), ys = Volume::of(dy);
  args.require(x.count == dx.count && xs.n == ys.n && xs.c == ys.c, "operands and result differ");
  const Triple kernel = Triple::of(attrs.kernel, 1), stride = Triple::of(attrs.stride, 1), pad = Triple::of(attrs.padBefore, 0);
  const bool isMax = attrs.kind == PoolKind::max;
  parallelRange(args.threads, xs.n * xs.d * xs.h, xs.w * xs.c * kernel.product(), [&](int64_t begin, int64_t end) {
    float acc[CHUNK], wins[CHUNK], wideX[CHUNK], wideTap[CHUNK], wideDy[CHUNK];
    for (int64_t row = begin; row < end; row++) {
      const int64_t n = row / (xs.d * xs.h), z = row / xs.h % xs.d, yy = row % xs.h;
      const Windows wz(z, kernel.d, stride.d, pad.d, ys.d), wy(yy, kernel.h, stride.h, pad.h, ys.h);
      for (int64_t xx = 0; xx < xs.w; xx++) {
        const Windows wx(xx, kernel.w, stride.w, pad.w, ys.w);
        for (int64_t c0 = 0; c0 < xs.c; c0 += CHUNK) {
          const int64_t m = xs.c - c0 < CHUNK ? xs.c - c0 : CHUNK;
          for (int64_t i = 0; i < m; i++) acc[i] = 0.0f;
          const float* const own = isMax ? loadChunk(x, xs.at(n, z, yy, xx) + c0, m, wideX) : nullptr;
          for (int64_t oz = wz.first; oz <= wz.last; oz++) {
            for (int64_t oy = wy.first; oy <= wy.last; oy++) {
              for (int64_t ox = wx.first; ox <= wx.last; ox++) {
                const Span sz(oz, kernel.d, stride.d, pad.d, xs.d), sy(oy, kernel.h, stride.h, pad.h, xs.h), sx(ox, kernel.w, stride.w, pad.w, xs.w);
                const float* const grad = loadChunk(dy, ys.at(n, oz, oy, ox) + c0, m, wideDy);
                if (!isMax) {
                  const int64_t count = attrs.countPadding ? kernel.product() : sz.length() * sy.length() * sx.length();
                  addScaled(grad, 1.0f / static_cast<float>(count), acc, m);
                  continue;
                }
                for (int64_t i = 0; i < m; i++) wins[i] = 1.0f;
                bool later = false;
                for (int64_t tz = sz.begin; tz < sz.end; tz++) {
                  for (int64_t ty = sy.begin; ty < sy.end; ty++) {
                    for (int64_t tx = sx.begin; tx < sx.end; tx++) {
                      if (tz == z && ty == yy && tx == xx) {
                        later = true;
                        continue;
                      }
                      const float* const tap = loadChunk(x, xs.at(n, tz, ty, tx) + c0, m, wideTap);
                      if (later) beatsLater(own, tap, wins, m);
                      else beatsEarlier(own, tap, wins, m);
                    }
                  }
                }
                addWhere(grad, wins, acc, m);
              }
            }
          }
          const int64_t at = xs.at(n, z, yy, xx) + c0;
          if (dx.dtype == DType::bf16) storeChunk(dx, at, m, acc);
          else std::memcpy(dx.f32() + at, acc, static_cast<size_t>(m) * sizeof(float));
        }
      }
    }
  });
}

}  // namespace revoxel::ops
