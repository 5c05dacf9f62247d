// cast: between all dtypes. To bf16 rounds to nearest even; float to integer rounds to nearest even and clamps, NaN
// gives 0. Integer to integer goes through float64, which holds all of them exactly.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

template <class From, class To>
void convert(const Args& args) {
  const From* const x = args.in[0].as<From>();
  To* const y = args.out[0].as<To>();
  parallelRange(args.threads, args.out[0].count, 2, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      if constexpr (std::is_same_v<To, float>) y[i] = static_cast<float>(x[i]);
      else y[i] = toInteger<To>(static_cast<double>(x[i]));
    }
  });
}

/** bf16 on one side: by chunks of floats. */
template <class Other, bool fromBfloat>
void convertBf16(const Args& args) {
  const Tensor &x = args.in[0], &y = args.out[0];
  parallelChunks(args.threads, y.count, CHUNK, [&](int64_t i, int64_t n) {
    float values[CHUNK];
    if constexpr (fromBfloat) {
      widen(x.as<uint16_t>() + i, values, n);
      Other* const to = y.as<Other>() + i;
      for (int64_t j = 0; j < n; j++) {
        if constexpr (std::is_same_v<Other, float>) to[j] = values[j];
        else to[j] = toInteger<Other>(static_cast<double>(values[j]));
      }
    } else {
      const Other* const from = x.as<Other>() + i;
      for (int64_t j = 0; j < n; j++) values[j] = static_cast<float>(from[j]);
      narrow(values, y.as<uint16_t>() + i, n);
    }
  });
}

template <class From>
void castFrom(const Args& args) {
  switch (args.out[0].dtype) {
    case DType::f32: return convert<From, float>(args);
    case DType::bf16: return convertBf16<From, false>(args);
    case DType::u8: return convert<From, uint8_t>(args);
    case DType::q16: return convert<From, int16_t>(args);
    case DType::u32: return convert<From, uint32_t>(args);
    case DType::i32:
    case DType::q32: return convert<From, int32_t>(args);
    case DType::f16: break;  // refused when a plan is loaded
  }
}

void castFromBf16(const Args& args) {
  switch (args.out[0].dtype) {
    case DType::f32: return convertBf16<float, true>(args);
    case DType::bf16: {
      const uint16_t* const x = args.in[0].as<uint16_t>();
      uint16_t* const y = args.out[0].as<uint16_t>();
      return parallelRange(args.threads, args.out[0].count, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) y[i] = x[i];
      });
    }
    case DType::u8: return convertBf16<uint8_t, true>(args);
    case DType::q16: return convertBf16<int16_t, true>(args);
    case DType::u32: return convertBf16<uint32_t, true>(args);
    case DType::i32:
    case DType::q32: return convertBf16<int32_t, true>(args);
    case DType::f16: break;
  }
}

}  // namespace

void cast(const Args& args) {
  args.requireOperands(1, 1);
  args.require(args.in[0].count == args.out[0].count, "operand and result differ in size");
  switch (args.in[0].dtype) {
    case DType::f32: return castFrom<float>(args);
    case DType::bf16: return castFromBf16(args);
    case DType::u8: return castFrom<uint8_t>(args);
    case DType::q16: return castFrom<int16_t>(args);
    case DType::u32: return castFrom<uint32_t>(args);
    case DType::i32:
    case DType::q32: return castFrom<int32_t>(args);
    case DType::f16: break;
  }
}

}  // namespace revoxel::ops
