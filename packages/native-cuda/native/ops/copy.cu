// Copies and fills, see kernels/copy.cuh: shared by the operations that only move elements.
#include "../kernels/copy.cuh"

#include <cstring>

#include "../kernels/box.cuh"
#include "../kernels/element.cuh"

namespace revoxel {

namespace {

/** Units that copies move: integers up to 4 bytes, packs above. */
using Unit8 = Pack<uint32_t, 2>;
using Unit16 = Pack<uint32_t, 4>;

template <class Unit>
__global__ void __launch_bounds__(BLOCK) copyBoxKernel(const Walk<2> walk, Unit* y, const Unit* x) {
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < walk.items; i += static_cast<int64_t>(gridDim.x) * blockDim.x) {
    int64_t at[2];
    walk.locate(i, at);
    y[at[0]] = x[at[1]];
  }
}

/** Does nothing once status[0] is set, where there is a status. */
template <class Unit>
__global__ void __launch_bounds__(BLOCK) copyFlatKernel(char* y, const char* x, int64_t bytes, const int* status) {
  if (status != nullptr && status[0] != 0) return;
  const int64_t units = bytes / 16, step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (int64_t i = first; i < units; i += step) reinterpret_cast<Unit*>(y)[i] = reinterpret_cast<const Unit*>(x)[i];
  for (int64_t i = units * 16 + first; i < bytes; i += step) y[i] = x[i];
}

template <class Unit>
__global__ void __launch_bounds__(BLOCK) fillKernel(char* y, Unit pattern, int64_t bytes) {
  const int64_t units = bytes / 16, step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (int64_t i = first; i < units; i += step) reinterpret_cast<Unit*>(y)[i] = pattern;
  for (int64_t i = units * 16 + first; i < bytes; i += step) {
    const int place = static_cast<int>(i % 16);
    const uint32_t low = place & 4 ? pattern.at[1] : pattern.at[0], high = place & 4 ? pattern.at[3] : pattern.at[2];
    y[i] = static_cast<char>((place & 8 ? high : low) >> (8 * (place & 3)));
  }
}

}  // namespace

void copyFlat(const Args& args, void* y, const void* x, int64_t bytes, const int* status) {
  if (bytes > 0 && y != x) launch(args, copyFlatKernel<Unit16>, gridFor(ceilDiv(bytes, 16)), BLOCK, 0, static_cast<char*>(y), static_cast<const char*>(x), bytes, status);
}

void copyBox(const Args& args, Box<2> box, void* y, int64_t yAt, const void* x, int64_t xAt, int64_t bytes) {
  std::array<int64_t, 2> at{yAt, xAt};
  const size_t last = static_cast<size_t>(box.rank - 1);
  if (box.innerStride(0) == 1 && box.innerStride(1) == 1) {
    if (box.rank == 1 && at[0] * bytes % 16 == 0 && at[1] * bytes % 16 == 0) {
      return copyFlat(args, static_cast<char*>(y) + at[0] * bytes, static_cast<const char*>(x) + at[1] * bytes, box.inner() * bytes);
    }
    // Rows are pieces of memory: the largest units that all of them consist of.
    while (bytes < 16 && box.inner() % 2 == 0 && at[0] % 2 == 0 && at[1] % 2 == 0 && rowsAligned(box, 0, 2) && rowsAligned(box, 1, 2)) {
      bytes *= 2;
      box.size[last] /= 2;
      for (size_t k = 0; k < 2; k++) {
        at[k] /= 2;
        for (size_t axis = 0; axis < last; axis++) box.stride[k][axis] /= 2;
      }
    }
  }
  const auto run = [&](auto unit) {
    using Unit = decltype(unit);
    eachPart(box, 1, at, [&](const Walk<2>& walk, const std::array<int64_t, 2>& from) {
      launch(args, copyBoxKernel<Unit>, gridFor(walk.items), BLOCK, 0, walk, static_cast<Unit*>(y) + from[0], static_cast<const Unit*>(x) + from[1]);
    });
  };
  switch (bytes) {
    case 1: return run(uint8_t{});
    case 2: return run(uint16_t{});
    case 4: return run(uint32_t{});
    case 8: return run(Unit8{});
    default: return run(Unit16{});
  }
}

void fillValue(const Args& args, const Tensor& y, double value) {
  uint32_t word = 0;
  switch (y.dtype) {
    case DType::f32: {
      const float number = static_cast<float>(value);
      std::memcpy(&word, &number, sizeof word);
      break;
    }
    case DType::bf16: word = toBf16(static_cast<float>(value)) * 0x10001u; break;
    case DType::f16: word = toF16(static_cast<float>(value)) * 0x10001u; break;
    case DType::u8: word = toInteger<uint8_t>(value) * 0x1010101u; break;
    case DType::q16: word = static_cast<uint16_t>(toInteger<int16_t>(value)) * 0x10001u; break;
    case DType::u32: word = toInteger<uint32_t>(value); break;
    default: word = static_cast<uint32_t>(toInteger<int32_t>(value));
  }
  const int64_t bytes = y.count * bytesOf(y.dtype);
  if (bytes > 0) launch(args, fillKernel<Unit16>, gridFor(ceilDiv(bytes, 16)), BLOCK, 0, y.as<char>(), Unit16{{word, word, word, word}}, bytes);
}

}  // namespace revoxel
