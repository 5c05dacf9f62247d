// scale: y = factor * x + offset, for floats in fp32, for integers in float64 with rounding and clamping. In place.
#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

struct Scale {
  float factor, offset;
  __device__ float operator()(float v) const { return factor * v + offset; }
};

template <class Int>
struct ScaleInteger {
  double factor, offset;
  const Int* x;
  Int* y;
  // Product and sum are rounded one by one, as everywhere else: ties must fall alike.
  __device__ void operator()(int64_t i) const { y[i] = toInteger<Int>(__dadd_rn(__dmul_rn(factor, static_cast<double>(x[i])), offset)); }
};

}  // namespace

void scale(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<ScaleAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.count == y.count && x.dtype == y.dtype, "operand and result differ");
  const auto integers = [&](auto type) {
    using Int = decltype(type);
    forEach(args, y.count, ScaleInteger<Int>{attrs.factor, attrs.offset, x.as<Int>(), y.as<Int>()});
  };
  switch (x.dtype) {
    case DType::u8: return integers(uint8_t{});
    case DType::q16: return integers(int16_t{});
    case DType::i32:
    case DType::q32: return integers(int32_t{});
    case DType::u32: return integers(uint32_t{});
    default: break;
  }
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    mapFloats(args, Scale{static_cast<float>(attrs.factor), static_cast<float>(attrs.offset)}, y.count, y.as<T>(), static_cast<const T*>(x.as<T>()));
  });
}

}  // namespace revoxel::ops
