// binary: elementwise arithmetic of two operands with broadcasting. Floats in fp32, integers with wrap-around. Rows of
// the merged box are contiguous, repeated or strided; all but the first kind go through small buffers. In place.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "../core/strided.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

using Leaf = void (*)(const float* a, const float* b, float* y, int64_t n);

#define REVOXEL_BINARY(name, expression)                                          \
  REVOXEL_CLONES void name(const float* a, const float* b, float* y, int64_t n) { \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                         \
      const float p = a[i];                                                       \
      const float q = b[i];                                                       \
      y[i] = expression;                                                          \
    }                                                                             \
  }

REVOXEL_BINARY(addLeaf, p + q)
REVOXEL_BINARY(subLeaf, p - q)
REVOXEL_BINARY(mulLeaf, p* q)
REVOXEL_BINARY(divLeaf, p / q)
// A NaN on either side is the result.
REVOXEL_BINARY(maxLeaf, (p > q || p != p) ? p : q)
REVOXEL_BINARY(minLeaf, (p < q || p != p) ? p : q)
REVOXEL_BINARY(greaterEqualLeaf, p >= q ? 1.0f : 0.0f)
REVOXEL_BINARY(lessLeaf, p < q ? 1.0f : 0.0f)

#undef REVOXEL_BINARY

Leaf leafOf(BinaryKind kind) {
  switch (kind) {
    case BinaryKind::add: return addLeaf;
    case BinaryKind::sub: return subLeaf;
    case BinaryKind::mul: return mulLeaf;
    case BinaryKind::div: return divLeaf;
    case BinaryKind::max: return maxLeaf;
    case BinaryKind::min: return minLeaf;
    case BinaryKind::greaterEqual: return greaterEqualLeaf;
    case BinaryKind::less: return lessLeaf;
  }
  throw Error("ERR_PLAN", "unknown kind");
}

/** Unsigned arithmetic wraps around by definition; division by zero gives 0. */
template <class Int>
Int apply(BinaryKind kind, Int a, Int b) {
  const uint64_t x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
  switch (kind) {
    case BinaryKind::add: return static_cast<Int>(x + y);
    case BinaryKind::sub: return static_cast<Int>(x - y);
    case BinaryKind::mul: return static_cast<Int>(x * y);
    case BinaryKind::div: return b == 0 ? Int{0} : static_cast<Int>(static_cast<int64_t>(a) / static_cast<int64_t>(b));
    case BinaryKind::max: return a > b ? a : b;
    case BinaryKind::min: return a < b ? a : b;
    case BinaryKind::greaterEqual: return a >= b ? Int{1} : Int{0};
    case BinaryKind::less: return a < b ? Int{1} : Int{0};
  }
  return Int{0};
}

Box<3> boxOf(const Args& args) {
  const auto& shape = *args.out[0].shape;
  const auto stridesOf = [&](const Tensor& t) {
    std::vector<int64_t> strides(shape.size(), 0);
    if (t.rank() == 0) return strides;
    args.require(t.rank() == static_cast<int>(shape.size()), "operands have different ranks");
    const auto own = physicalStrides(*t.shape);
    for (size_t axis = 0; axis < shape.size(); axis++) {
      args.require((*t.shape)[axis] == shape[axis] || (*t.shape)[axis] == 1, "sizes must be equal or 1");
      strides[axis] = (*t.shape)[axis] == 1 ? 0 : own[axis];
    }
    return strides;
  };
  return Box<3>::of(shape, {physicalStrides(shape), stridesOf(args.in[0]), stridesOf(args.in[1])});
}

// a + b or a - b, wrapping around.
#define REVOXEL_WRAP(Int, Bits)                                                                    \
  REVOXEL_CLONES void addIntegers(const Int* a, const Int* b, Int* y, int64_t n, bool subtract) {  \
    const Bits flip = subtract ? static_cast<Bits>(-1) : Bits{0};                                  \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                                          \
      const Bits other = static_cast<Bits>((static_cast<Bits>(b[i]) ^ flip) - flip);               \
      y[i] = static_cast<Int>(static_cast<Bits>(static_cast<Bits>(a[i]) + other));                 \
    }                                                                                              \
  }
REVOXEL_WRAP(uint8_t, uint8_t)
REVOXEL_WRAP(int16_t, uint16_t)
REVOXEL_WRAP(int32_t, uint32_t)
REVOXEL_WRAP(uint32_t, uint32_t)
#undef REVOXEL_WRAP

template <class Int>
void binaryIntegers(const Args& args, BinaryKind kind) {
  const Box<3> box = boxOf(args);
  const Int *const a = args.in[0].as<Int>(), *const b = args.in[1].as<Int>();
  Int* const y = args.out[0].as<Int>();
  const int64_t inner = box.inner();
  const bool flat = box.rows() == 1 && box.innerStride(0) == 1 && box.innerStride(1) == 1 && box.innerStride(2) == 1;
  if (flat && (kind == BinaryKind::add || kind == BinaryKind::sub)) {
    // Sums of whole streams; subtracting is adding the complement and one.
    parallelRange(args.threads, inner, 1, [&](int64_t begin, int64_t end) { addIntegers(a + begin, b + begin, y + begin, end - begin, kind == BinaryKind::sub); });
    return;
  }
  parallelRange(args.threads, box.rows(), inner, [&](int64_t begin, int64_t end) {
    box.eachRow(begin, end, [&](const std::array<int64_t, 3>& at) {
      for (int64_t i = 0; i < inner; i++) {
        y[at[0] + i * box.innerStride(0)] = apply<Int>(kind, a[at[1] + i * box.innerStride(1)], b[at[2] + i * box.innerStride(2)]);
      }
    });
  });
}

/** `n` floats from element `at` with a stride of 0, 1 or more; `buffer` holds CHUNK. */
const float* loadStrided(const Tensor& x, int64_t at, int64_t stride, int64_t n, float* buffer) {
  if (stride == 1) return loadChunk(x, at, n, buffer);
  if (stride == 0) {
    const float value = loadOne(x, at);
    for (int64_t i = 0; i < n; i++) buffer[i] = value;
  } else {
    for (int64_t i = 0; i < n; i++) buffer[i] = loadOne(x, at + i * stride);
  }
  return buffer;
}

}  // namespace

void binary(const Args& args) {
  args.requireOperands(2, 1);
  const BinaryKind kind = args.attrs<BinaryAttrs>().kind;
  const Tensor &a = args.in[0], &b = args.in[1], &y = args.out[0];
  args.require(a.dtype == y.dtype && b.dtype == y.dtype, "operands and result differ in dtype");
  switch (y.dtype) {
    case DType::u8: return binaryIntegers<uint8_t>(args, kind);
    case DType::q16: return binaryIntegers<int16_t>(args, kind);
    case DType::i32:
    case DType::q32: return binaryIntegers<int32_t>(args, kind);
    case DType::u32: return binaryIntegers<uint32_t>(args, kind);
    default: break;
  }
  const Leaf leaf = leafOf(kind);
  const Box<3> box = boxOf(args);
  const int64_t rows = box.rows(), inner = box.inner();
  // Long rows are cut into chunks, short ones taken whole; either way the unit of work is one chunk of one row.
  const int64_t pieces = (inner + CHUNK - 1) / CHUNK;
  parallelRange(args.threads, rows * pieces, inner < CHUNK ? inner : CHUNK, [&](int64_t begin, int64_t end) {
    float as[CHUNK], bs[CHUNK], ys[CHUNK];
    for (int64_t unit = begin; unit < end; unit++) {
      const auto at = box.offsets(unit / pieces);
      const int64_t i = unit % pieces * CHUNK;
      const int64_t n = inner - i < CHUNK ? inner - i : CHUNK;
      const float* const p = loadStrided(a, at[1] + i * box.innerStride(1), box.innerStride(1), n, as);
      const float* const q = loadStrided(b, at[2] + i * box.innerStride(2), box.innerStride(2), n, bs);
      float* const target = targetChunk(y, at[0] + i, ys);
      leaf(p, q, target, n);
      storeChunk(y, at[0] + i, n, target);
    }
  });
}

}  // namespace revoxel::ops
