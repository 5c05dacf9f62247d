// argmax: index of the largest channel per voxel; the lowest index wins ties, and a NaN never wins. A thread a voxel: the
// channels of a warp's voxels are one piece of memory, which the caches hold between the steps.
#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

template <class T>
__device__ __forceinline__ T comparable(T v) { return v; }
__device__ __forceinline__ float comparable(Bf16 v) { return toFloat(v); }
__device__ __forceinline__ float comparable(F16 v) { return toFloat(v); }

template <class T>
struct Argmax {
  const T* x;
  uint8_t* y;
  int channels;

  __device__ void operator()(int64_t voxel) const {
    const T* const row = x + voxel * channels;
    int best = 0;
    auto top = comparable(row[0]);
#pragma unroll 4
    for (int c = 1; c < channels; c++) {
      const auto candidate = comparable(row[c]);
      if (candidate > top) {
        top = candidate;
        best = c;
      }
    }
    y[voxel] = static_cast<uint8_t>(best);
  }
};

template <class T>
void argmaxOf(const Args& args) {
  const Tensor &x = args.in[0], &y = args.out[0];
  forEach(args, y.count, Argmax<T>{x.as<T>(), y.as<uint8_t>(), static_cast<int>(x.channels())});
}

}  // namespace

void argmax(const Args& args) {
  args.requireOperands(1, 1);
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.rank() >= 2 && y.dtype == DType::u8 && y.count == x.count / x.channels() && x.channels() <= 256, "result does not fit the operand");
  switch (x.dtype) {
    case DType::f32: return argmaxOf<float>(args);
    case DType::bf16: return argmaxOf<Bf16>(args);
    case DType::f16: return argmaxOf<F16>(args);
    case DType::u8: return argmaxOf<uint8_t>(args);
    case DType::q16: return argmaxOf<int16_t>(args);
    case DType::u32: return argmaxOf<uint32_t>(args);
    default: return argmaxOf<int32_t>(args);
  }
}

}  // namespace revoxel::ops
