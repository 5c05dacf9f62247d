// binary: elementwise arithmetic of two operands with broadcasting. Floats in fp32, integers with wrap-around. One walk
// over the merged box, in packs of 16 bytes where rows are contiguous or repeated. In place: a thread reads before it writes.
#include <type_traits>

#include "../kernels/box.cuh"
#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

template <class T>
constexpr bool IS_INTEGER = std::is_integral<T>::value;
/** What a kernel computes with. */
template <class T>
using Value = std::conditional_t<IS_INTEGER<T>, T, float>;

template <class T>
__device__ __forceinline__ Value<T> valueOf(T v) {
  if constexpr (IS_INTEGER<T>) return v;
  else return toFloat(v);
}
template <class T>
__device__ __forceinline__ T storedOf(Value<T> v) {
  if constexpr (IS_INTEGER<T>) return v;
  else return fromFloat<T>(v);
}

struct Add {
  // Unsigned arithmetic wraps around by definition.
  template <class V>
  __device__ V operator()(V a, V b) const {
    if constexpr (IS_INTEGER<V>) return static_cast<V>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
    else return a + b;
  }
};
struct Sub {
  template <class V>
  __device__ V operator()(V a, V b) const {
    if constexpr (IS_INTEGER<V>) return static_cast<V>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b));
    else return a - b;
  }
};
struct Mul {
  template <class V>
  __device__ V operator()(V a, V b) const {
    if constexpr (IS_INTEGER<V>) return static_cast<V>(static_cast<uint32_t>(a) * static_cast<uint32_t>(b));
    else return a * b;
  }
};
struct Div {
  // Integers: towards zero, wrapping around; by zero gives 0.
  template <class V>
  __device__ V operator()(V a, V b) const {
    if constexpr (!IS_INTEGER<V>) return a / b;
    else if (b == V{0}) return V{0};
    else if (std::is_signed<V>::value && b == static_cast<V>(-1)) return static_cast<V>(0u - static_cast<uint32_t>(a));
    else return static_cast<V>(a / b);
  }
};
// A NaN on either side is the result.
struct Max {
  template <class V>
  __device__ V operator()(V a, V b) const {
    return a > b || a != a ? a : b;
  }
};
struct Min {
  template <class V>
  __device__ V operator()(V a, V b) const {
    return a < b || a != a ? a : b;
  }
};
struct GreaterEqual {
  template <class V>
  __device__ V operator()(V a, V b) const {
    return static_cast<V>(a >= b ? 1 : 0);
  }
};
struct Less {
  template <class V>
  __device__ V operator()(V a, V b) const {
    return static_cast<V>(a < b ? 1 : 0);
  }
};

template <int N, class V, class F>
__device__ __forceinline__ void each(const F& f, V (&a)[N], const V (&b)[N]) {
#pragma unroll
  for (int k = 0; k < N; k++) a[k] = f(a[k], b[k]);
}

/** a[k] = a[k] op b[k]; the kind is the same for all threads. */
template <int N, class V>
__device__ __forceinline__ void apply(BinaryKind kind, V (&a)[N], const V (&b)[N]) {
  switch (kind) {
    case BinaryKind::add: return each(Add{}, a, b);
    case BinaryKind::sub: return each(Sub{}, a, b);
    case BinaryKind::mul: return each(Mul{}, a, b);
    case BinaryKind::div: return each(Div{}, a, b);
    case BinaryKind::max: return each(Max{}, a, b);
    case BinaryKind::min: return each(Min{}, a, b);
    case BinaryKind::greaterEqual: return each(GreaterEqual{}, a, b);
    case BinaryKind::less: return each(Less{}, a, b);
  }
}

template <int N, class T>
__device__ __forceinline__ void loadRun(const T* from, bool repeated, Value<T> (&values)[N]) {
  if (repeated) {
    const Value<T> value = valueOf(from[0]);
#pragma unroll
    for (int k = 0; k < N; k++) values[k] = value;
    return;
  }
  const Pack<T, N> pack = loadPack<T, N>(from);
#pragma unroll
  for (int k = 0; k < N; k++) values[k] = valueOf(pack.at[k]);
}

/** Operands y, a, b. `inner`: elements of a row. Packs of N > 1 elements: rows of y are contiguous, those of a and b too or repeated. */
template <class T, int N>
__global__ void __launch_bounds__(BLOCK) binaryKernel(const Walk<3> walk, int64_t inner, BinaryKind kind, bool repeatA, bool repeatB, T* y, const T* a, const T* b) {
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < walk.items; i += static_cast<int64_t>(gridDim.x) * blockDim.x) {
    int64_t at[3];
    const int64_t left = inner - walk.locate(i, at) * N;
    if (left >= N) {
      Value<T> p[N], q[N];
      loadRun<N>(a + at[1], repeatA, p);
      loadRun<N>(b + at[2], repeatB, q);
      apply(kind, p, q);
      Pack<T, N> pack;
#pragma unroll
      for (int k = 0; k < N; k++) pack.at[k] = storedOf<T>(p[k]);
      storePack<T, N>(y + at[0], pack);
    } else {
      for (int64_t k = 0; k < left; k++) {
        Value<T> p[1] = {valueOf(a[at[1] + (repeatA ? 0 : k)])};
        const Value<T> q[1] = {valueOf(b[at[2] + (repeatB ? 0 : k)])};
        apply(kind, p, q);
        y[at[0] + k] = storedOf<T>(p[0]);
      }
    }
  }
}

template <class T>
void binaryOf(const Args& args, BinaryKind kind) {
  const Tensor &a = args.in[0], &b = args.in[1], &y = args.out[0];
  const auto& shape = *y.shape;
  const Box<3> box = Box<3>::of(shape, {physicalStrides(shape), repeatedStrides(args, a, shape), repeatedStrides(args, b, shape)});
  const auto run = [&](auto pack) {
    constexpr int N = decltype(pack)::value;
    eachPart(box, N, std::array<int64_t, 3>{}, [&](const Walk<3>& walk, const std::array<int64_t, 3>& at) {
      launch(args, binaryKernel<T, N>, gridFor(walk.items), BLOCK, 0, walk, box.inner(), kind, box.innerStride(1) == 0, box.innerStride(2) == 0, y.as<T>() + at[0], static_cast<const T*>(a.as<T>()) + at[1], static_cast<const T*>(b.as<T>()) + at[2]);
    });
  };
  constexpr int N = PACK<T>;
  bool packs = box.innerStride(0) == 1 && box.inner() >= N;
  for (size_t k = 0; k < 3; k++) packs = packs && (box.innerStride(k) == 0 || (box.innerStride(k) == 1 && rowsAligned(box, k, N)));
  if (packs) run(std::integral_constant<int, N>{});
  else run(std::integral_constant<int, 1>{});
}

}  // namespace

void binary(const Args& args) {
  args.requireOperands(2, 1);
  const BinaryKind kind = args.attrs<BinaryAttrs>().kind;
  const DType dtype = args.out[0].dtype;
  args.require(args.in[0].dtype == dtype && args.in[1].dtype == dtype, "operands and result differ in dtype");
  switch (dtype) {
    case DType::f32: return binaryOf<float>(args, kind);
    case DType::bf16: return binaryOf<Bf16>(args, kind);
    case DType::f16: return binaryOf<F16>(args, kind);
    case DType::u8: return binaryOf<uint8_t>(args, kind);
    case DType::q16: return binaryOf<int16_t>(args, kind);
    case DType::u32: return binaryOf<uint32_t>(args, kind);
    default: return binaryOf<int32_t>(args, kind);
  }
}

}  // namespace revoxel::ops
