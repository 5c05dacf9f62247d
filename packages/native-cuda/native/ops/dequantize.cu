// dequantize: fixed-point numbers as floats. In place: a thread reads its elements before it writes them.
#include "../kernels/stream-grid.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

template <class Int, class Y>
struct Dequantize {
  const Int* k;
  const float* exponent;
  Y* y;

  __device__ __forceinline__ float begin() const { return streams::stepOf(exponent); }

  template <int N>
  __device__ __forceinline__ void run(int64_t i, float step) const {
    const Pack<Int, N> from = loadPack<Int, N>(k + i);
    Pack<Y, N> to;
#pragma unroll
    for (int j = 0; j < N; j++) to.at[j] = fromFloat<Y>(static_cast<float>(from.at[j]) * step);
    storePack<Y, N>(y + i, to);
  }
};

}  // namespace

void dequantize(const Args& args) {
  args.requireOperands(2, 1);
  const Tensor &k = args.in[0], &exponent = args.in[1], &y = args.out[0];
  args.require(k.count == y.count && exponent.count == 1 && exponent.dtype == DType::f32, "expects a fixed-point operand of the result's size and one exponent");
  withFixed(k.dtype, [&](auto integer) {
    using Int = decltype(integer);
    withFloat(y.dtype, [&](auto number) {
      using Y = decltype(number);
      streams::forEachPack(args, y.count, Dequantize<Int, Y>{k.as<Int>(), exponent.f32(), y.as<Y>()});
    });
  });
}

}  // namespace revoxel::ops
