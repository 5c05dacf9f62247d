/** Elements of any dtype as float64, which holds all of them exactly: for conversions and where speed does not matter. */
#pragma once

#include "element.cuh"

namespace revoxel {

__device__ __forceinline__ double loadAny(const void* x, DType dtype, int64_t i) {
  switch (dtype) {
    case DType::f32: return static_cast<const float*>(x)[i];
    case DType::bf16: return toFloat(static_cast<const Bf16*>(x)[i]);
    case DType::f16: return toFloat(static_cast<const F16*>(x)[i]);
    case DType::u8: return static_cast<const uint8_t*>(x)[i];
    case DType::q16: return static_cast<const int16_t*>(x)[i];
    case DType::u32: return static_cast<const uint32_t*>(x)[i];
    default: return static_cast<const int32_t*>(x)[i];
  }
}

/** Integers are rounded to nearest even and clamped, NaN gives 0. */
__device__ __forceinline__ void storeAny(void* y, DType dtype, int64_t i, double value) {
  switch (dtype) {
    case DType::f32: static_cast<float*>(y)[i] = static_cast<float>(value); break;
    case DType::bf16: static_cast<Bf16*>(y)[i] = fromFloat<Bf16>(static_cast<float>(value)); break;
    case DType::f16: static_cast<F16*>(y)[i] = fromFloat<F16>(static_cast<float>(value)); break;
    case DType::u8: static_cast<uint8_t*>(y)[i] = toInteger<uint8_t>(value); break;
    case DType::q16: static_cast<int16_t*>(y)[i] = toInteger<int16_t>(value); break;
    case DType::u32: static_cast<uint32_t*>(y)[i] = toInteger<uint32_t>(value); break;
    default: static_cast<int32_t*>(y)[i] = toInteger<int32_t>(value);
  }
}

}  // namespace revoxel
