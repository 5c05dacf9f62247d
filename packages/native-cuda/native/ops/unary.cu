// unary: elementwise functions of one operand. In place.
#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

struct LeakyRelu {
  float slope;
  __device__ float operator()(float v) const { return v > 0.0f ? v : slope * v; }
};
struct Sigmoid {
  __device__ float operator()(float v) const { return 1.0f / (1.0f + expf(-v)); }
};
struct Tanh {
  __device__ float operator()(float v) const { return tanhf(v); }
};
// erfc keeps the digits that 1 + erf loses for negative arguments.
struct Gelu {
  __device__ float operator()(float v) const { return 0.5f * v * erfcf(v * -0.70710678f); }
};
struct Exp {
  __device__ float operator()(float v) const { return expf(v); }
};
struct Log {
  __device__ float operator()(float v) const { return logf(v); }
};
struct Sqrt {
  __device__ float operator()(float v) const { return sqrtf(v); }
};
struct Square {
  __device__ float operator()(float v) const { return v * v; }
};
struct Abs {
  __device__ float operator()(float v) const { return fabsf(v); }
};

}  // namespace

void unary(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<UnaryAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.count == y.count && x.dtype == y.dtype, "operand and result differ");
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    const auto map = [&](auto f) { mapFloats(args, f, y.count, y.as<T>(), static_cast<const T*>(x.as<T>())); };
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
