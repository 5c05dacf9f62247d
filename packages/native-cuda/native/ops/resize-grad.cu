// resizeGrad: every voxel of dx gathers from the outputs that sampled it, in D, H, W order: rows along W are summed first,
// then added. No atomics, fp32.
#include "../kernels/element.cuh"
#include "../kernels/sampling.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

template <class T, int V, bool Linear>
struct Gather {
  Places places;
  Grid ys;
  Axes axes;
  const T* dy;
  T* dx;

  static __device__ __forceinline__ Run run(const Axis& axis, int input) { return Linear ? axis.linearRun(input) : axis.nearestRun(input); }
  static __device__ __forceinline__ float weight(const Axis& axis, int output, int input) { return Linear ? axis.weight(output, input) : 1.0f; }

  __device__ void operator()(int64_t item) const {
    const Place place = places.at(item);
    const Run z = run(axes.d, place.z), y = run(axes.h, place.y), x = run(axes.w, place.x);
    float sum[V] = {};
    for (int oz = z.begin; oz < z.end; oz++) {
      const float wz = weight(axes.d, oz, place.z);
      for (int oy = y.begin; oy < y.end; oy++) {
        const float wzy = wz * weight(axes.h, oy, place.y);
        const T* const from = dy + ys.at(place.n, oz, oy, 0, place.c);
        float row[V] = {};
        for (int ox = x.begin; ox < x.end; ox++) {
          const float wx = weight(axes.w, ox, place.x);
          const Pack<T, V> pack = loadPack<T, V>(from + static_cast<int64_t>(ox) * ys.c);
#pragma unroll
          for (int v = 0; v < V; v++) row[v] += wx * toFloat(pack.at[v]);
        }
#pragma unroll
        for (int v = 0; v < V; v++) sum[v] += wzy * row[v];
      }
    }
    Pack<T, V> result;
#pragma unroll
    for (int v = 0; v < V; v++) result.at[v] = fromFloat<T>(sum[v]);
    storePack<T, V>(dx + item * V, result);
  }
};

}  // namespace

void resizeGrad(const Args& args) {
  args.requireOperands(1, 1);
  const bool linear = args.attrs<ResizeGradAttrs>().mode == ResizeMode::linear;
  const Tensor &dy = args.in[0], &dx = args.out[0];
  const Volume ys = Volume::of(dy), xs = Volume::of(dx);
  args.require(dy.dtype == dx.dtype && xs.n == ys.n && xs.c == ys.c, "operand and result differ");
  Places::of(ys, 1);
  withFloat(dy.dtype, [&](auto type) {
    using T = decltype(type);
    withPack(xs.c, [&](auto pack) {
      constexpr int V = decltype(pack)::value;
      const Places places = Places::of(xs, V);
      const auto run = [&](auto gather) { forEach(args, places.items, gather); };
      const Grid grid = Grid::of(ys);
      const Axes axes = Axes::of(xs, ys);
      if (linear) run(Gather<T, V, true>{places, grid, axes, dy.as<T>(), dx.as<T>()});
      else run(Gather<T, V, false>{places, grid, axes, dy.as<T>(), dx.as<T>()});
    });
  });
}

}  // namespace revoxel::ops
