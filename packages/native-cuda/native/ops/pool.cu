// pool: maxima and averages of windows, a thread a voxel and up to 8 of its channels. Taps in D, H, W order; averages sum in
// fp32. Maxima of fixed-point tensors are taken of the integers themselves.
#include "../kernels/windows.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

template <class T, int V>
struct MaxPool {
  Places places;
  Grid xs;
  Windows windows;
  const T* x;
  T* y;

  __device__ void operator()(int64_t item) const {
    using C = Compared<T>;
    const Place place = places.at(item);
    const Span z = windows.z(place.z, xs.d), yy = windows.y(place.y, xs.h), xx = windows.x(place.x, xs.w);
    C best[V];
#pragma unroll
    for (int v = 0; v < V; v++) best[v] = lowest<C>();
    eachVoxel(xs, place.n, z, yy, xx, place.c, [&](int64_t at) {
      const Pack<T, V> tap = loadPack<T, V>(x + at);
#pragma unroll
      for (int v = 0; v < V; v++) {
        const C value = compared(tap.at[v]);
        // A NaN on either side is the result.
        best[v] = value > best[v] || isNan(value) ? value : best[v];
      }
    });
    Pack<T, V> result;
#pragma unroll
    for (int v = 0; v < V; v++) result.at[v] = uncompared<T>(best[v]);
    storePack<T, V>(y + item * V, result);
  }
};

template <class T, int V>
struct AveragePool {
  Places places;
  Grid xs;
  Windows windows;
  bool countPadding;
  const T* x;
  T* y;

  __device__ void operator()(int64_t item) const {
    const Place place = places.at(item);
    const Span z = windows.z(place.z, xs.d), yy = windows.y(place.y, xs.h), xx = windows.x(place.x, xs.w);
    float sum[V] = {};
    eachVoxel(xs, place.n, z, yy, xx, place.c, [&](int64_t at) {
      const Pack<T, V> tap = loadPack<T, V>(x + at);
#pragma unroll
      for (int v = 0; v < V; v++) sum[v] += toFloat(tap.at[v]);
    });
    const float divisor = static_cast<float>(countPadding ? windows.taps() : z.length() * yy.length() * xx.length());
    Pack<T, V> result;
#pragma unroll
    for (int v = 0; v < V; v++) result.at[v] = fromFloat<T>(sum[v] / divisor);
    storePack<T, V>(y + item * V, result);
  }
};

}  // namespace

void pool(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<PoolAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  const Volume xs = Volume::of(x), ys = Volume::of(y);
  args.require(xs.n == ys.n && xs.c == ys.c && x.dtype == y.dtype, "operand and result differ");
  const Windows windows = Windows::of(attrs);
  withPack(ys.c, [&](auto pack) {
    constexpr int V = decltype(pack)::value;
    const Places places = Places::of(ys, V);
    Places::of(xs, V);
    if (attrs.kind == PoolKind::avg) {
      return withFloat(x.dtype, [&](auto type) {
        using T = decltype(type);
        forEach(args, places.items, AveragePool<T, V>{places, Grid::of(xs), windows, attrs.countPadding, x.as<T>(), y.as<T>()});
      });
    }
    withCompared(x.dtype, [&](auto type) {
      using T = decltype(type);
      forEach(args, places.items, MaxPool<T, V>{places, Grid::of(xs), windows, x.as<T>(), y.as<T>()});
    });
  });
}

}  // namespace revoxel::ops
