// argmax: index of the largest channel per voxel; the lowest index wins ties, and a NaN never wins.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

template <class T, class Value>
void argmaxRows(const Args& args, const Value& value) {
  const T* const x = args.in[0].as<const T>();
  uint8_t* const y = args.out[0].as<uint8_t>();
  const int64_t c = args.in[0].channels();
  parallelRange(args.threads, args.out[0].count, c, [&](int64_t begin, int64_t end) {
    for (int64_t v = begin; v < end; v++) {
      const T* const row = x + v * c;
      int64_t best = 0;
      auto top = value(row[0]);
      for (int64_t k = 1; k < c; k++) {
        const auto candidate = value(row[k]);
        if (candidate > top) {
          top = candidate;
          best = k;
        }
      }
      y[v] = static_cast<uint8_t>(best);
    }
  });
}

}  // namespace

void argmax(const Args& args) {
  args.requireOperands(1, 1);
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.rank() >= 2 && y.dtype == DType::u8 && y.count == x.count / x.channels() && x.channels() <= 256, "result does not fit the operand");
  const auto same = [](auto v) { return v; };
  switch (x.dtype) {
    case DType::f32: return argmaxRows<float>(args, same);
    case DType::bf16: return argmaxRows<uint16_t>(args, [](uint16_t bits) { return fromBf16(bits); });
    case DType::u8: return argmaxRows<uint8_t>(args, same);
    case DType::q16: return argmaxRows<int16_t>(args, same);
    case DType::u32: return argmaxRows<uint32_t>(args, same);
    default: return argmaxRows<int32_t>(args, same);
  }
}

}  // namespace revoxel::ops
