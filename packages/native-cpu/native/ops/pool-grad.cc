// poolGrad: every input voxel gathers from the windows that contain it, in D, H, W order, so that no two threads write
// one voxel and sums are in fp32. For a maximum the voxel wins a window if nothing before it is as large and nothing
// after it is larger; a NaN beats everything and the first NaN wins.
#include "../core/grid.h"
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"
#include <volume.h>

namespace revoxel::ops {

namespace {

// earlier: wins &= the tap, which comes before x in its window, leaves the maximum to x; later: of a tap that comes after.
#define REVOXEL_BEATS(suffix, T)                                                               \
  REVOXEL_CLONES void earlier##suffix(const T* x, const T* tap, float* wins, int64_t n) {      \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                                      \
      const bool good = x[i] != x[i] ? tap[i] == tap[i] : tap[i] < x[i];                       \
      wins[i] = good ? wins[i] : 0.0f;                                                         \
    }                                                                                          \
  }                                                                                            \
  REVOXEL_CLONES void later##suffix(const T* x, const T* tap, float* wins, int64_t n) {        \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                                      \
      const bool good = x[i] != x[i] || tap[i] <= x[i];                                        \
      wins[i] = good ? wins[i] : 0.0f;                                                         \
    }                                                                                          \
  }
REVOXEL_BEATS(F32, float)
REVOXEL_BEATS(Q16, int16_t)
REVOXEL_BEATS(Q32, int32_t)
#undef REVOXEL_BEATS

void compare(const float* x, const float* tap, float* wins, int64_t n, bool later) { (later ? laterF32 : earlierF32)(x, tap, wins, n); }
void compare(const int16_t* x, const int16_t* tap, float* wins, int64_t n, bool later) { (later ? laterQ16 : earlierQ16)(x, tap, wins, n); }
void compare(const int32_t* x, const int32_t* tap, float* wins, int64_t n, bool later) { (later ? laterQ32 : earlierQ32)(x, tap, wins, n); }

/** Elements as they are compared: integers themselves, bf16 widened. */
template <class T>
const T* loadElements(const Tensor& x, int64_t i, int64_t n, T* buffer) {
  if constexpr (std::is_same_v<T, float>) return loadChunk(x, i, n, buffer);
  else return x.as<const T>() + i;
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

// best, winner: the maximum of the taps so far and which of them it was; the first NaN beats everything.
#define REVOXEL_CHALLENGE(suffix, T)                                                                             \
  REVOXEL_CLONES void challenge##suffix(const T* tap, int32_t index, T* best, int32_t* winner, int64_t n) {      \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                                                        \
      const bool better = tap[i] > best[i] || (tap[i] != tap[i] && best[i] == best[i]);                          \
      best[i] = better ? tap[i] : best[i];                                                                       \
      winner[i] = better ? index : winner[i];                                                                    \
    }                                                                                                            \
  }
REVOXEL_CHALLENGE(F32, float)
REVOXEL_CHALLENGE(Q16, int16_t)
REVOXEL_CHALLENGE(Q32, int32_t)
#undef REVOXEL_CHALLENGE

void challenge(const float* tap, int32_t index, float* best, int32_t* winner, int64_t n) { challengeF32(tap, index, best, winner, n); }
void challenge(const int16_t* tap, int32_t index, int16_t* best, int32_t* winner, int64_t n) { challengeQ16(tap, index, best, winner, n); }
void challenge(const int32_t* tap, int32_t index, int32_t* best, int32_t* winner, int64_t n) { challengeQ32(tap, index, best, winner, n); }

REVOXEL_CLONES void give(const float* dy, const int32_t* winner, int32_t index, float* dx, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) dx[i] = winner[i] == index ? dy[i] : 0.0f;
}

/** Windows that tile the operand: each is looked at once, its winner found, and all its voxels written. dx may be x. */
template <class T>
void maxOfTiles(const Args& args, const Triple& kernel) {
  const Tensor &x = args.in[0], &dy = args.in[1], &dx = args.out[0];
  const Volume xs = Volume::of(x), ys = Volume::of(dy);
  parallelRange(args.threads, ys.n * ys.d * ys.h, ys.w * ys.c * kernel.product(), [&](int64_t begin, int64_t end) {
    float grads[CHUNK], wide[CHUNK];
    T best[CHUNK], taps[CHUNK];
    int32_t winner[CHUNK];
    for (int64_t row = begin; row < end; row++) {
      const int64_t n = row / (ys.d * ys.h), z = row / ys.h % ys.d, yy = row % ys.h;
      const auto eachTap = [&](int64_t xx, const auto& visit) {
        int32_t index = 0;
        for (int64_t kz = 0; kz < kernel.d; kz++) {
          for (int64_t ky = 0; ky < kernel.h; ky++) {
            for (int64_t kx = 0; kx < kernel.w; kx++) visit(xs.at(n, z * kernel.d + kz, yy * kernel.h + ky, xx * kernel.w + kx), index++);
          }
        }
      };
      for (int64_t xx = 0; xx < ys.w; xx++) {
        for (int64_t c0 = 0; c0 < ys.c; c0 += CHUNK) {
          const int64_t m = ys.c - c0 < CHUNK ? ys.c - c0 : CHUNK;
          eachTap(xx, [&](int64_t at, int32_t index) {
            const T* const tap = loadElements<T>(x, at + c0, m, taps);
            if (index > 0) return challenge(tap, index, best, winner, m);
            for (int64_t i = 0; i < m; i++) best[i] = tap[i], winner[i] = 0;
          });
          const float* const grad = loadChunk(dy, ys.at(n, z, yy, xx) + c0, m, grads);
          eachTap(xx, [&](int64_t at, int32_t index) {
            float* const target = targetChunk(dx, at + c0, wide);
            give(grad, winner, index, target, m);
            storeChunk(dx, at + c0, m, target);
          });
        }
      }
    }
  });
}

template <class T>
void poolGradOf(const Args& args, const PoolGradAttrs& attrs) {
  const Tensor &x = args.in[0], &dy = args.in[1], &dx = args.out[0];
  const Volume xs = Volume::of(x), ys = Volume::of(dy);
  args.require(x.count == dx.count && xs.n == ys.n && xs.c == ys.c, "operands and result differ");
  const Triple kernel = Triple::of(attrs.kernel, 1), stride = Triple::of(attrs.stride, 1), pad = Triple::of(attrs.padBefore, 0);
  const bool isMax = attrs.kind == PoolKind::max;
  const bool tiles = kernel.d == stride.d && kernel.h == stride.h && kernel.w == stride.w && pad.d + pad.h + pad.w == 0 && xs.d == ys.d * kernel.d && xs.h == ys.h * kernel.h && xs.w == ys.w * kernel.w;
  if (isMax && tiles) return maxOfTiles<T>(args, kernel);
  parallelRange(args.threads, xs.n * xs.d * xs.h, xs.w * xs.c * kernel.product(), [&](int64_t begin, int64_t end) {
    float acc[CHUNK], wins[CHUNK], wideDy[CHUNK];
    T wideX[CHUNK], wideTap[CHUNK];
    for (int64_t row = begin; row < end; row++) {
      const int64_t n = row / (xs.d * xs.h), z = row / xs.h % xs.d, yy = row % xs.h;
      const Windows wz(z, kernel.d, stride.d, pad.d, ys.d), wy(yy, kernel.h, stride.h, pad.h, ys.h);
      for (int64_t xx = 0; xx < xs.w; xx++) {
        const Windows wx(xx, kernel.w, stride.w, pad.w, ys.w);
        for (int64_t c0 = 0; c0 < xs.c; c0 += CHUNK) {
          const int64_t m = xs.c - c0 < CHUNK ? xs.c - c0 : CHUNK;
          for (int64_t i = 0; i < m; i++) acc[i] = 0.0f;
          const T* const own = isMax ? loadElements<T>(x, xs.at(n, z, yy, xx) + c0, m, wideX) : nullptr;
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
                      compare(own, loadElements<T>(x, xs.at(n, tz, ty, tx) + c0, m, wideTap), wins, m, later);
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

}  // namespace

void poolGrad(const Args& args) {
  args.requireOperands(2, 1);
  const auto& attrs = args.attrs<PoolGradAttrs>();
  args.require(attrs.kind == PoolKind::max || !isFixed(args.in[0].dtype), "averages of fixed-point numbers are not exact");
  args.require(args.in[1].dtype == args.out[0].dtype, "the result has the dtype of dy");
  switch (args.in[0].dtype) {
    case DType::q16: return poolGradOf<int16_t>(args, attrs);
    case DType::q32: return poolGradOf<int32_t>(args, attrs);
    default: return poolGradOf<float>(args, attrs);
  }
}

}  // namespace revoxel::ops
