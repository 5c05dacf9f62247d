/** Writes one number to all elements of a tensor of any dtype; shared by fill and pad. */
#pragma once

#include "../core/parallel.h"
#include "../core/tensor.h"

namespace revoxel::ops {

template <class T>
void fillTyped(int threads, const Tensor& y, T value) {
  T* const data = y.as<T>();
  parallelRange(threads, y.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) data[i] = value;
  });
}

inline void fillValue(int threads, const Tensor& y, double value) {
  switch (y.dtype) {
    case DType::f32: return fillTyped<float>(threads, y, static_cast<float>(value));
    case DType::bf16: return fillTyped<uint16_t>(threads, y, toBf16(static_cast<float>(value)));
    case DType::u8: return fillTyped<uint8_t>(threads, y, toInteger<uint8_t>(value));
    case DType::q16: return fillTyped<int16_t>(threads, y, toInteger<int16_t>(value));
    case DType::u32: return fillTyped<uint32_t>(threads, y, toInteger<uint32_t>(value));
    case DType::i32:
    case DType::q32: return fillTyped<int32_t>(threads, y, toInteger<int32_t>(value));
    case DType::f16: break;  // refused when a plan is loaded
  }
}

}  // namespace revoxel::ops
