// unaryGrad: dx = f'(x) * dy. In place on either operand.
#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

struct LeakyRelu {
  float slope;
  __device__ float operator()(float v, float d) const { return v > 0.0f ? d : slope * d; }
};
struct Sigmoid {
  __device__ float operator()(float v, float d) const {
    const float s = 1.0f / (1.0f + expf(-v));
    return s * (1.0f - s) * d;
  }
};
struct Tanh {
  __device__ float operator()(float v, float d) const {
    const float t = tanhf(v);
    return (1.0f - t * t) * d;
  }
};
struct Gelu {
  __device__ float operator()(float v, float d) const { return (0.5f * erfcf(v * -0.70710678f) + v * (0.39894228f * expf(-0.5f * v * v))) * d; }
};
struct Exp {
  __device__ float operator()(float v, float d) const { return expf(v) * d; }
};
struct Log {
  __device__ float operator()(float v, float d) const { return d / v; }
};
struct Sqrt {
  __device__ float operator()(float v, float d) const { return 0.5f * d / sqrtf(v); }
};
struct Square {
  __device__ float operator()(float v, float d) const { return 2.0f * v * d; }
};
// At 0 the slope is 0; a NaN stays.
struct Abs {
  __device__ float operator()(float v, float d) const { return v > 0.0f ? d : (v < 0.0f ? -d : v * d); }
};

}  // namespace

void unaryGrad(const Args& args) {
  args.requireOperands(2, 1);
  const auto& attrs = args.attrs<UnaryGradAttrs>();
  const Tensor &x = args.in[0], &dy = args.in[1], &dx = args.out[0];
  args.require(x.count == dx.count && dy.count == dx.count, "operands and result differ in size");
  args.require(x.dtype == dx.dtype && dy.dtype == dx.dtype, "operands and result differ in dtype");
  withFloat(dx.dtype, [&](auto type) {
    using T = decltype(type);
    const auto map = [&](auto f) { mapFloats(args, f, dx.count, dx.as<T>(), static_cast<const T*>(x.as<T>()), static_cast<const T*>(dy.as<T>())); };
    switch (attrs.kind) {
      case UnaryKind::leakyRelu: return map(LeakyRelu{static_cast<float>(attrs.slope)});
      case UnaryKind::sigmoid: return map(Sigmoid{});
      case UnaryKind::tanh: return map(Tanh{});
      case UnaryKind::gelu: return map(Gelu{});
      case UnaryKind::exp: return map(Exp{});
      case UnaryKind::log: return map(Log{});
      case UnaryKind::sqrt: return map(Sqrt{});
      case UnaryKind::square: return map(Square{});
      case UnaryKind::abs: return map(Abs{});
    }
    throw Error("ERR_PLAN", "unknown kind");
  });
}

}  // namespace revoxel::ops
