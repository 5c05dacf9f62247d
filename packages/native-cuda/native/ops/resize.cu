// resize: nearest copies voxels as units of up to 16 bytes; linear blends the eight voxels around, a thread a voxel and up to
// 8 of its channels.
#include "../kernels/element.cuh"
#include "../kernels/sampling.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

template <class Unit>
struct Nearest {
  Places places;
  Grid xs;
  Axes axes;
  const Unit* x;
  Unit* y;

  __device__ void operator()(int64_t item) const {
    const Place place = places.at(item);
    y[item] = x[xs.at(place.n, axes.d.nearest(place.z), axes.h.nearest(place.y), axes.w.nearest(place.x), place.c)];
  }
};

template <class T, int V>
struct Linear {
  Places places;
  Grid xs;
  Axes axes;
  const T* x;
  T* y;

  __device__ void operator()(int64_t item) const {
    const Place place = places.at(item);
    const Sample sz = axes.d.linear(place.z), sy = axes.h.linear(place.y), sx = axes.w.linear(place.x);
    float sum[V] = {};
#pragma unroll
    for (int corner = 0; corner < 8; corner++) {
      const bool z = corner & 4, yy = corner & 2, xx = corner & 1;
      const float weight = (z ? sz.weight : 1.0f - sz.weight) * (yy ? sy.weight : 1.0f - sy.weight) * (xx ? sx.weight : 1.0f - sx.weight);
      const Pack<T, V> pack = loadPack<T, V>(x + xs.at(place.n, z ? sz.high : sz.low, yy ? sy.high : sy.low, xx ? sx.high : sx.low, place.c));
#pragma unroll
      for (int v = 0; v < V; v++) sum[v] += weight * toFloat(pack.at[v]);
    }
    Pack<T, V> result;
#pragma unroll
    for (int v = 0; v < V; v++) result.at[v] = fromFloat<T>(sum[v]);
    storePack<T, V>(y + item * V, result);
  }
};

/** Voxels of x and y as `units` units each. */
template <class Unit>
void copyNearest(const Args& args, Volume xs, Volume ys, int64_t units) {
  const Axes axes = Axes::of(xs, ys);
  xs.c = ys.c = units;
  const Places places = Places::of(ys, 1);
  forEach(args, places.items, Nearest<Unit>{places, Grid::of(xs), axes, args.in[0].as<Unit>(), args.out[0].as<Unit>()});
}

}  // namespace

void resize(const Args& args) {
  args.requireOperands(1, 1);
  const Tensor &x = args.in[0], &y = args.out[0];
  const Volume xs = Volume::of(x), ys = Volume::of(y);
  args.require(x.dtype == y.dtype && xs.n == ys.n && xs.c == ys.c, "operand and result differ");
  Places::of(xs, 1);
  if (args.attrs<ResizeAttrs>().mode == ResizeMode::nearest) {
    const int64_t bytes = xs.c * bytesOf(x.dtype);
    if (bytes % 16 == 0) return copyNearest<Pack<uint32_t, 4>>(args, xs, ys, bytes / 16);
    return withUnit(x.dtype, [&](auto unit) { copyNearest<decltype(unit)>(args, xs, ys, xs.c); });
  }
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    withPack(xs.c, [&](auto pack) {
      constexpr int V = decltype(pack)::value;
      const Places places = Places::of(ys, V);
      forEach(args, places.items, Linear<T, V>{places, Grid::of(xs), Axes::of(xs, ys), x.as<T>(), y.as<T>()});
    });
  });
}

}  // namespace revoxel::ops
