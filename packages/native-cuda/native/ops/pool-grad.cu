// poolGrad: no two threads write one voxel. Maxima of windows that tile the operand: a thread finds the winner of a window and
// writes all its voxels. Other maxima: the winners go to scratch first. Then, and for averages, a thread gathers from the
// windows that contain its voxel, in D, H, W order. Sums in fp32.
#include "../kernels/windows.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** The maximum of a window so far, and which tap it was. */
template <class X, int V>
struct Champion {
  Compared<X> best[V];
  int winner[V];

  __device__ __forceinline__ void reset(int first) {
#pragma unroll
    for (int v = 0; v < V; v++) {
      best[v] = lowest<Compared<X>>();
      winner[v] = first;
    }
  }
  /** The first of equals stays, the first NaN beats everything. */
  __device__ __forceinline__ void challenge(const Pack<X, V>& pack, int tap) {
#pragma unroll
    for (int v = 0; v < V; v++) {
      const Compared<X> value = compared(pack.at[v]);
      const bool better = value > best[v] || (isNan(value) && !isNan(best[v]));
      best[v] = better ? value : best[v];
      winner[v] = better ? tap : winner[v];
    }
  }
};

/** Maxima of windows whose stride is the kernel; `places` counts windows, also those beyond the result's, which give nothing. */
template <class X, class G, int V>
struct MaxOfTiles {
  Places places;
  Grid xs, ys;
  Windows windows;
  const X* x;
  const G* dy;
  G* dx;

  __device__ void operator()(int64_t item) const {
    const Place place = places.at(item);
    const Span z = windows.z(place.z, xs.d), yy = windows.y(place.y, xs.h), xx = windows.x(place.x, xs.w);
    Pack<G, V> grad;
    Champion<X, V> champion;
    champion.reset(-1);
    if (place.z < ys.d && place.y < ys.h && place.x < ys.w) {
      champion.reset(0);
      int tap = 0;
      eachVoxel(xs, place.n, z, yy, xx, place.c, [&](int64_t at) { champion.challenge(loadPack<X, V>(x + at), tap++); });
      grad = loadPack<G, V>(dy + ys.at(place.n, place.z, place.y, place.x, place.c));
    }
    int tap = 0;
    eachVoxel(xs, place.n, z, yy, xx, place.c, [&](int64_t at) {
      Pack<G, V> result;
#pragma unroll
      for (int v = 0; v < V; v++) result.at[v] = champion.winner[v] == tap ? grad.at[v] : fromFloat<G>(0.0f);
      storePack<G, V>(dx + at, result);
      tap++;
    });
  }
};

/** Which tap of every window is the maximum, as its number in a whole window. */
template <class X, int V>
struct Winners {
  Places places;
  Grid xs;
  Windows windows;
  const X* x;
  uint16_t* winners;

  __device__ void operator()(int64_t item) const {
    const Place place = places.at(item);
    const Span z = windows.z(place.z, xs.d), y = windows.y(place.y, xs.h), xx = windows.x(place.x, xs.w);
    const int first = windows.tap(z.begin, y.begin, xx.begin, place.z, place.y, place.x);
    Champion<X, V> champion;
    champion.reset(first);
    for (int tz = z.begin; tz < z.end; tz++) {
      for (int ty = y.begin; ty < y.end; ty++) {
        int tap = first + ((tz - z.begin) * windows.kernel.h + ty - y.begin) * windows.kernel.w;
        int64_t at = xs.at(place.n, tz, ty, xx.begin, place.c);
#pragma unroll 2
        for (int tx = xx.begin; tx < xx.end; tx++, at += xs.c) champion.challenge(loadPack<X, V>(x + at), tap++);
      }
    }
    Pack<uint16_t, V> result;
#pragma unroll
    for (int v = 0; v < V; v++) result.at[v] = static_cast<uint16_t>(champion.winner[v]);
    storePack<uint16_t, V>(winners + item * V, result);
  }
};

template <class G, int V>
struct MaxGather {
  Places places;
  Grid ys;
  Windows windows;
  const uint16_t* winners;
  const G* dy;
  G* dx;

  __device__ void operator()(int64_t item) const {
    const Place place = places.at(item);
    const Span z = windows.aroundZ(place.z, ys.d), y = windows.aroundY(place.y, ys.h), x = windows.aroundX(place.x, ys.w);
    float sum[V] = {};
    for (int oz = z.begin; oz < z.end; oz++) {
      for (int oy = y.begin; oy < y.end; oy++) {
        int64_t at = ys.at(place.n, oz, oy, x.begin, place.c);
        int tap = windows.tap(place.z, place.y, place.x, oz, oy, x.begin);
#pragma unroll 1
        for (int ox = x.begin; ox < x.end; ox++, at += ys.c, tap -= windows.stride.w) {
          const Pack<uint16_t, V> winner = loadPack<uint16_t, V>(winners + at);
          const Pack<G, V> grad = loadPack<G, V>(dy + at);
#pragma unroll
          for (int v = 0; v < V; v++) sum[v] += winner.at[v] == tap ? toFloat(grad.at[v]) : 0.0f;
        }
      }
    }
    Pack<G, V> result;
#pragma unroll
    for (int v = 0; v < V; v++) result.at[v] = fromFloat<G>(sum[v]);
    storePack<G, V>(dx + item * V, result);
  }
};

template <class G, int V>
struct AverageGather {
  Places places;
  Grid xs, ys;
  Windows windows;
  bool countPadding;
  const G* dy;
  G* dx;

  __device__ void operator()(int64_t item) const {
    const Place place = places.at(item);
    const Span z = windows.aroundZ(place.z, ys.d), yy = windows.aroundY(place.y, ys.h), xx = windows.aroundX(place.x, ys.w);
    float sum[V] = {};
    for (int oz = z.begin; oz < z.end; oz++) {
      for (int oy = yy.begin; oy < yy.end; oy++) {
        for (int ox = xx.begin; ox < xx.end; ox++) {
          const int taps = countPadding ? windows.taps() : windows.z(oz, xs.d).length() * windows.y(oy, xs.h).length() * windows.x(ox, xs.w).length();
          const float share = 1.0f / static_cast<float>(taps);
          const Pack<G, V> grad = loadPack<G, V>(dy + ys.at(place.n, oz, oy, ox, place.c));
#pragma unroll
          for (int v = 0; v < V; v++) sum[v] += toFloat(grad.at[v]) * share;
        }
      }
    }
    Pack<G, V> result;
#pragma unroll
    for (int v = 0; v < V; v++) result.at[v] = fromFloat<G>(sum[v]);
    storePack<G, V>(dx + item * V, result);
  }
};

/** How many windows of `stride` touch an axis. */
int64_t tilesOf(int64_t size, int64_t pad, int64_t stride) { return ceilDiv(size + pad, stride); }

template <class X, class G>
void maxOfTiles(const Args& args, const Windows& windows, const Volume& xs, const Volume& ys) {
  const auto &s = windows.stride, &p = windows.pad;
  const Volume tiles{xs.n, xs.c, tilesOf(xs.d, p.d, s.d), tilesOf(xs.h, p.h, s.h), tilesOf(xs.w, p.w, s.w)};
  withPack(xs.c, [&](auto pack) {
    constexpr int V = decltype(pack)::value;
    const Places places = Places::of(tiles, V);
    forEach(args, places.items, MaxOfTiles<X, G, V>{places, Grid::of(xs), Grid::of(ys), windows, args.in[0].as<X>(), args.in[1].as<G>(), args.out[0].as<G>()});
  });
}

void maxOfWindows(const Args& args, const Windows& windows, const Volume& xs, const Volume& ys) {
  const auto& k = windows.kernel;
  args.require(static_cast<int64_t>(k.d) * k.h * k.w <= 65536, "expects windows of at most 65536 voxels");
  uint16_t* const winners = args.scratchOf<uint16_t>(args.in[1].count);
  withPack(xs.c, [&](auto pack) {
    constexpr int V = decltype(pack)::value;
    const Places results = Places::of(ys, V), places = Places::of(xs, V);
    withCompared(args.in[0].dtype, [&](auto type) {
      using X = decltype(type);
      forEach(args, results.items, Winners<X, V>{results, Grid::of(xs), windows, args.in[0].as<X>(), winners});
    });
    withFloat(args.in[1].dtype, [&](auto type) {
      using G = decltype(type);
      forEach(args, places.items, MaxGather<G, V>{places, Grid::of(ys), windows, winners, args.in[1].as<G>(), args.out[0].as<G>()});
    });
  });
}

}  // namespace

void poolGrad(const Args& args) {
  args.requireOperands(2, 1);
  const auto& attrs = args.attrs<PoolGradAttrs>();
  const Tensor &x = args.in[0], &dy = args.in[1], &dx = args.out[0];
  const Volume xs = Volume::of(x), ys = Volume::of(dy);
  args.require(x.count == dx.count && xs.n == ys.n && xs.c == ys.c && dy.dtype == dx.dtype, "operands and result differ");
  args.require(attrs.kind == PoolKind::max || !isFixed(x.dtype), "averages of fixed-point numbers are not exact");
  const Windows windows = Windows::of(attrs);
  Places::of(xs, 1);
  const auto &k = windows.kernel, &s = windows.stride;
  const bool tiles = k.d == s.d && k.h == s.h && k.w == s.w;
  if (attrs.kind == PoolKind::max && !tiles) return maxOfWindows(args, windows, xs, ys);
  withFloat(dy.dtype, [&](auto type) {
    using G = decltype(type);
    if (attrs.kind == PoolKind::max) return withCompared(x.dtype, [&](auto element) { maxOfTiles<decltype(element), G>(args, windows, xs, ys); });
    withPack(xs.c, [&](auto pack) {
      constexpr int V = decltype(pack)::value;
      const Places places = Places::of(xs, V);
      forEach(args, places.items, AverageGather<G, V>{places, Grid::of(xs), Grid::of(ys), windows, attrs.countPadding, dy.as<G>(), dx.as<G>()});
    });
  });
}

}  // namespace revoxel::ops
