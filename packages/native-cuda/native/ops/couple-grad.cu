// coupleGrad: dy where the integer that was added is below the limit, from f or from the stream before and after. In
// place: a thread reads its elements before it writes them.
#include "../kernels/stream-grid.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** |q| < L where |f 2^g| < bound; a NaN in f has q = 0. */
template <class T>
struct MaskByF {
  const T *f, *dy;
  const float* exponent;
  T* df;
  float bound;

  __device__ __forceinline__ float begin() const { return streams::scaleOf(exponent); }

  template <int N>
  __device__ __forceinline__ void run(int64_t i, float scale) const {
    const Pack<T, N> added = loadPack<T, N>(f + i);
    Pack<T, N> grad = loadPack<T, N>(dy + i);
#pragma unroll
    for (int j = 0; j < N; j++) {
      if (fabsf(toFloat(added.at[j]) * scale) >= bound) grad.at[j] = T{};
    }
    storePack<T, N>(df + i, grad);
  }
};

/** The same of q = after - before, which wraps around. */
template <class Int, class T>
struct MaskByStates {
  const Int *before, *after;
  const T* dy;
  T* df;

  __device__ __forceinline__ int begin() const { return 0; }

  template <int N>
  __device__ __forceinline__ void run(int64_t i, int) const {
    using Bits = std::make_unsigned_t<Int>;
    const Pack<Int, N> first = loadPack<Int, N>(before + i), second = loadPack<Int, N>(after + i);
    Pack<T, N> grad = loadPack<T, N>(dy + i);
#pragma unroll
    for (int j = 0; j < N; j++) {
      const Bits q = static_cast<Bits>(static_cast<Bits>(second.at[j]) - static_cast<Bits>(first.at[j]));
      if (!isBelowLimit<Int>(q)) grad.at[j] = T{};
    }
    storePack<T, N>(df + i, grad);
  }
};

}  // namespace

void coupleGrad(const Args& args) {
  args.requireOperands(3, 1);
  const auto& attrs = args.attrs<CoupleGradAttrs>();
  const bool fromF = attrs.from == CoupleGradFrom::f, small = attrs.to == QuantizeTo::q16;
  const Tensor &first = args.in[0], &second = args.in[1], &third = args.in[2], &df = args.out[0];
  const Tensor& dy = fromF ? second : third;
  args.require(first.count == df.count && second.count == df.count && dy.count == df.count && dy.dtype == df.dtype, "operands and result differ");
  withFloat(df.dtype, [&](auto number) {
    using T = decltype(number);
    if (fromF) {
      args.require(first.dtype == df.dtype && third.count == 1 && third.dtype == DType::f32, "expects f and dy of one dtype, and one exponent");
      // Half a step below the limit everything rounds to the limit; floats just below 2^30 are whole.
      const float bound = small ? ADD_LIMIT<int16_t> - 0.5f : ADD_LIMIT<int32_t>;
      return streams::forEachPack(args, df.count, MaskByF<T>{first.as<T>(), dy.as<T>(), third.f32(), df.as<T>(), bound});
    }
    args.require(first.dtype == second.dtype && first.dtype == (small ? DType::q16 : DType::q32), "expects two states of the stream's dtype");
    withFixed(first.dtype, [&](auto integer) {
      using Int = decltype(integer);
      streams::forEachPack(args, df.count, MaskByStates<Int, T>{first.as<Int>(), second.as<Int>(), dy.as<T>(), df.as<T>()});
    });
  });
}

}  // namespace revoxel::ops
