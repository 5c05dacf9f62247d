// cast: between all dtypes. Floats in packs; whatever has an integer on one side goes through float64, which holds all of
// them exactly: to an integer rounds to nearest even and clamps, NaN gives 0.
#include "../kernels/any.cuh"
#include "../kernels/copy.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

struct Same {
  __device__ float operator()(float v) const { return v; }
};

struct Convert {
  const void* x;
  void* y;
  DType from, to;
  __device__ void operator()(int64_t i) const { storeAny(y, to, i, loadAny(x, from, i)); }
};

/** Whether elements keep their bits. */
bool sameBits(DType from, DType to) {
  const auto stored = [](DType t) { return t == DType::q32 ? DType::i32 : t; };
  return stored(from) == stored(to);
}

}  // namespace

void cast(const Args& args) {
  args.requireOperands(1, 1);
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.count == y.count, "operand and result differ in size");
  if (sameBits(x.dtype, y.dtype)) return copyFlat(args, y.data, x.data, y.count * bytesOf(y.dtype));
  // From and to f32; between the narrow ones any place will do.
  if (x.dtype == DType::f32 && isFloat(y.dtype)) {
    return withFloat(y.dtype, [&](auto type) { mapFloats(args, Same{}, y.count, y.as<decltype(type)>(), static_cast<const float*>(x.f32())); });
  }
  if (isFloat(x.dtype) && y.dtype == DType::f32) {
    return withFloat(x.dtype, [&](auto type) { mapFloats(args, Same{}, y.count, y.f32(), static_cast<const decltype(type)*>(x.as<decltype(type)>())); });
  }
  forEach(args, y.count, Convert{x.data, y.data, x.dtype, y.dtype});
}

}  // namespace revoxel::ops
