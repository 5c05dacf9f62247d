// resample: invertible resampling by a matrix per block. Blocks of 2, 4 and 8 voxels are mapped in registers, a thread for
// every channel; others, which are rare, number by number.
#include <fixed-point.h>

#include <cmath>
#include <utility>

#include "../kernels/lifted-rotation.cuh"
#include "../kernels/voxel-copy.cuh"
#include "../kernels/voxel-maps.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

using voxels::Blocks;

// ---- Maps in registers ---------------------------------------------------------------------------------------------

/** body(first, second) for the pairs of numbers that lie `step` apart along one axis of a block. */
template <int step, int S, class V, class Body>
__device__ __forceinline__ void eachPair(V (&v)[S], const Body& body) {
#pragma unroll
  for (int i = 0; i < S / 2; i++) {
    const int k = i / step * (2 * step) + i % step;
    body(v[k], v[k + step]);
  }
}

/** A pair (a, b) becomes (aa a + ab b, ba a + bb b). */
struct PairMatrix {
  float aa, ab, ba, bb;
  __device__ __forceinline__ void operator()(float& a, float& b) const {
    const float p = a, q = b;
    a = aa * p + ab * q;
    b = ba * p + bb * q;
  }
};

/** haar and the floats of lifting: one 2 x 2 matrix per halved axis; the first one has the scale of all. */
struct Axes {
  static constexpr int RESIDENT = 5;
  using Value = float;
  PairMatrix first, rest;

  struct Own {};
  __device__ __forceinline__ Own begin(uint32_t) const { return {}; }
  template <int S>
  __device__ __forceinline__ void apply(Own&, float (&v)[S]) const {
    eachPair<S / 2>(v, first);
    if constexpr (S >= 4) eachPair<S / 4>(v, rest);
    if constexpr (S >= 8) eachPair<S / 8>(v, rest);
  }
};

Axes axesOf(const ResampleAttrs& attrs, int s) {
  const bool haar = attrs.kind == ResampleKind::haar;
  // Row by row: (aa, ab), (ba, bb). The Haar matrix is orthogonal: its inverse is its transpose.
  float m[4] = {1, 1, -1, 1};
  if (!haar) {
    const float lifting[4][4] = {{0.5f, 0.5f, 1, -1}, {1, 0.5f, 1, -0.5f}, {0.5f, 1, 0.5f, -1}, {1, 1, 0.5f, -0.5f}};
    for (int i = 0; i < 4; i++) m[i] = lifting[static_cast<int>(attrs.form)][i];
  } else if (attrs.form == ResampleForm::inverse || attrs.form == ResampleForm::transpose) {
    std::swap(m[1], m[2]);
  }
  const float scale = haar ? static_cast<float>(std::sqrt(1.0 / s)) : 1.0f;
  return {{scale * m[0], scale * m[1], scale * m[2], scale * m[3]}, {m[0], m[1], m[2], m[3]}};
}

/** The S-transform; all sums wrap around. */
template <class Int>
struct Lifting {
  static constexpr int RESIDENT = 5;
  using Value = Int;
  bool forward;

  struct Own {};
  __device__ __forceinline__ Own begin(uint32_t) const { return {}; }

  static __device__ __forceinline__ uint32_t word(Int v) { return static_cast<uint32_t>(static_cast<int32_t>(v)); }
  struct Forward {
    __device__ __forceinline__ void operator()(Int& a, Int& b) const {
      const Int detail = streams::wrapped<Int>(word(a) - word(b));
      a = streams::wrapped<Int>(word(b) + word(static_cast<Int>(detail >> 1)));
      b = detail;
    }
  };
  struct Inverse {
    __device__ __forceinline__ void operator()(Int& a, Int& b) const {
      const Int odd = streams::wrapped<Int>(word(a) - word(static_cast<Int>(b >> 1)));
      a = streams::wrapped<Int>(word(b) + word(odd));
      b = odd;
    }
  };
  /** Along z, then y, then x; back in the opposite order. */
  template <int S>
  __device__ __forceinline__ void apply(Own&, Int (&v)[S]) const {
    if (forward) {
      eachPair<S / 2>(v, Forward{});
      if constexpr (S >= 4) eachPair<S / 4>(v, Forward{});
      if constexpr (S >= 8) eachPair<S / 8>(v, Forward{});
    } else {
      if constexpr (S >= 8) eachPair<S / 8>(v, Inverse{});
      if constexpr (S >= 4) eachPair<S / 4>(v, Inverse{});
      eachPair<S / 2>(v, Inverse{});
    }
  }
};

/** Matrices [channel or 1]: entry (row, column) of one is at row * rowStep + column * columnStep. */
struct Matrices {
  const float* m;
  int64_t perChannel;
  int rowStep, columnStep;
};

/** A matrix of a thread's channel, kept in registers over all its positions. */
template <int S>
struct Given {
  static constexpr int RESIDENT = S == 8 ? 2 : 5;
  using Value = float;
  Matrices matrices;

  struct Own {
    float m[S * S];
  };
  __device__ __forceinline__ Own begin(uint32_t c) const {
    Own own;
    const float* const from = matrices.m + c * matrices.perChannel;
#pragma unroll
    for (int row = 0; row < S; row++) {
#pragma unroll
      for (int column = 0; column < S; column++) own.m[row * S + column] = from[row * matrices.rowStep + column * matrices.columnStep];
    }
    return own;
  }
  __device__ __forceinline__ void apply(Own& own, float (&v)[S]) const {
    float sums[S];
#pragma unroll
    for (int row = 0; row < S; row++) {
      sums[row] = own.m[row * S] * v[0];
#pragma unroll
      for (int column = 1; column < S; column++) sums[row] += own.m[row * S + column] * v[column];
    }
#pragma unroll
    for (int row = 0; row < S; row++) v[row] = sums[row];
  }
};

/** Lifts [pair][set], one set for every channel or one for all. */
struct Lifts {
  const streams::Lift* at;
  uint32_t sets;

  __device__ __forceinline__ const streams::Lift* of(uint32_t c) const { return at + (sets == 1 ? 0 : c); }
};

/** All rotations in their order, or back. */
template <class Int>
struct Rotations {
  static constexpr int RESIDENT = 3;
  using Value = Int;
  Lifts lifts;
  bool forward;

  using Own = const streams::Lift*;
  __device__ __forceinline__ Own begin(uint32_t c) const { return lifts.of(c); }

  template <int S>
  __device__ __forceinline__ void apply(Own own, Int (&v)[S]) const {
    if (forward) {
#pragma unroll
      for (int i = 0; i < S; i++) {
#pragma unroll
        for (int j = i + 1; j < S; j++) streams::rotate(v[i], v[j], own[pairOf(S, i, j) * lifts.sets], true);
      }
    } else {
#pragma unroll
      for (int i = S - 2; i >= 0; i--) {
#pragma unroll
        for (int j = S - 1; j > i; j--) streams::rotate(v[i], v[j], own[pairOf(S, i, j) * lifts.sets], false);
      }
    }
  }

  /** Pairs before (i, j) in lexicographic order. */
  static __device__ __forceinline__ constexpr uint32_t pairOf(int s, int i, int j) { return static_cast<uint32_t>(i * (2 * s - i - 1) / 2 + j - i - 1); }
};

// ---- Blocks of any size: a thread for every number of a position ------------------------------------------------------

template <class T>
struct GivenAny {
  static constexpr int RESIDENT = 4;
  const T* x;
  T* y;
  Blocks b;
  bool up;
  Matrices matrices;

  struct Own {
    uint32_t c, row;
  };
  __device__ __forceinline__ Own begin(uint32_t lane) const {
    const uint32_t row = lane / static_cast<uint32_t>(b.channels);
    return {lane - row * static_cast<uint32_t>(b.channels), row};
  }
  __device__ __forceinline__ void run(uint32_t position, const Own& own) const {
    const int64_t large = b.largeAt(position) + own.c, small = b.smallAt(position);
    const float* const m = matrices.m + own.c * matrices.perChannel + static_cast<int64_t>(own.row) * matrices.rowStep;
    float sum = 0.0f;
    for (uint32_t k = 0; k < static_cast<uint32_t>(b.s); k++) sum += m[static_cast<int64_t>(k) * matrices.columnStep] * toFloat(x[up ? small + b.channelAt(own.c, k) : large + b.voxelAt(k)]);
    y[up ? large + b.voxelAt(own.row) : small + b.channelAt(own.c, own.row)] = fromFloat<T>(sum);
  }
};

/** Numbers are moved first and turned where they lie then. */
template <class Int>
struct RotationsAny {
  static constexpr int RESIDENT = 4;
  const Int* x;
  Int* y;
  Blocks b;
  bool up;
  Lifts lifts;

  struct Own {
    uint32_t c;
    const streams::Lift* lifts;
  };
  __device__ __forceinline__ Own begin(uint32_t lane) const { return {lane, lifts.of(lane)}; }

  __device__ __forceinline__ void run(uint32_t position, const Own& own) const {
    const int64_t large = b.largeAt(position) + own.c, small = b.smallAt(position);
    const auto placeOf = [&](int k, bool inLarge) { return inLarge ? large + b.voxelAt(static_cast<uint32_t>(k)) : small + b.channelAt(own.c, static_cast<uint32_t>(k)); };
    for (int k = 0; k < b.s; k++) y[placeOf(k, up)] = x[placeOf(k, !up)];
    const int pairs = b.s * (b.s - 1) / 2;
    int i = up ? b.s - 2 : 0, j = up ? b.s - 1 : 1;
    for (int count = 0; count < pairs; count++) {
      Int &first = y[placeOf(i, up)], &second = y[placeOf(j, up)];
      Int a = first, z = second;
      streams::rotate(a, z, own.lifts[static_cast<int64_t>(up ? pairs - 1 - count : count) * lifts.sets], !up);
      first = a;
      second = z;
      // Lexicographic order, or back.
      if (!up) {
        if (++j == b.s) j = ++i + 1;
      } else if (--j == i) {
        i--;
        j = b.s - 1;
      }
    }
  }
};

// --------------------------------------------------------------------------------------------------------------------

template <class Int>
void resampleIntegers(const Args& args, const Blocks& b, const ResampleAttrs& attrs) {
  const bool up = attrs.form == ResampleForm::inverse;
  if (attrs.kind == ResampleKind::lifting) {
    args.require(voxels::mapBlocks<Int>(args, b, up, [&](auto) { return Lifting<Int>{!up}; }), "strides must be 1 or 2");
    return;
  }
  const Tensor& angles = args.in[1];
  const int64_t pairs = static_cast<int64_t>(b.s) * (b.s - 1) / 2, sets = angles.count / pairs;
  args.require(angles.dtype == DType::f32 && angles.count == pairs * sets && (sets == 1 || sets == b.channels), "the angles have the wrong size");
  auto* const lifts = args.scratchOf<streams::Lift>(angles.count);
  forEach(args, angles.count, streams::MakeLifts{angles.f32(), lifts, pairs, sets});
  if (voxels::mapBlocks<Int>(args, b, up, [&](auto) { return Rotations<Int>{{lifts, static_cast<uint32_t>(sets)}, !up}; })) return;
  voxels::walk(args, b, b.channels, RotationsAny<Int>{args.in[0].as<Int>(), args.out[0].as<Int>(), b, up, {lifts, static_cast<uint32_t>(sets)}});
}

template <class T>
void resampleFloats(const Args& args, const Blocks& b, const ResampleAttrs& attrs) {
  const bool up = attrs.form == ResampleForm::inverse || attrs.form == ResampleForm::transpose;
  if (attrs.kind != ResampleKind::given) {
    args.require(voxels::mapBlocks<T>(args, b, up, [&](auto) { return axesOf(attrs, b.s); }), "strides must be 1 or 2");
    return;
  }
  const Tensor& q = args.in[1];
  const int64_t entries = static_cast<int64_t>(b.s) * b.s;
  args.require(q.dtype == DType::f32 && (q.count == entries || q.count == b.channels * entries), "the matrices have the wrong size");
  // Tensors of rank 3 have axis 1, the row, last in memory. The inverse is the transpose.
  const bool plain = attrs.form == ResampleForm::forward || attrs.form == ResampleForm::inverseTranspose;
  const Matrices matrices{q.f32(), q.count == entries ? 0 : entries, plain ? 1 : b.s, plain ? b.s : 1};
  if (voxels::mapBlocks<T>(args, b, up, [&](auto size) { return Given<decltype(size)::value>{matrices}; })) return;
  voxels::walk(args, b, b.width(), GivenAny<T>{args.in[0].as<T>(), args.out[0].as<T>(), b, up, matrices});
}

}  // namespace

void resample(const Args& args) {
  args.require(!args.in.empty() && args.out.size() == 1, "expects operands and one result");
  const auto& attrs = args.attrs<ResampleAttrs>();
  const size_t operands = attrs.kind == ResampleKind::given ? 2 : (attrs.kind == ResampleKind::givens ? 3 : 1);
  args.requireOperands(operands, 1);
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.dtype == y.dtype && x.count == y.count, "operand and result differ");
  const bool up = attrs.form == ResampleForm::inverse || attrs.form == ResampleForm::transpose;
  const Blocks b = Blocks::of(args, up ? y : x, up ? x : y, attrs.stride, attrs.order == SqueezeOrder::channelMajor);
  const bool fixed = isFixed(x.dtype);
  if (fixed) {
    args.require(attrs.form == ResampleForm::forward || attrs.form == ResampleForm::inverse, "fixed-point streams go forward and back only");
    args.require(attrs.kind == ResampleKind::lifting || attrs.kind == ResampleKind::givens, "this kind is not for integers");
  } else {
    args.require(attrs.kind != ResampleKind::givens && isFloat(x.dtype), "this kind is not for floats");
  }
  // Without voxels to mix nothing happens.
  if (b.s == 1 && attrs.kind != ResampleKind::given) return voxels::copyRuns(args, b, up, bytesOf(x.dtype));
  if (fixed) withFixed(x.dtype, [&](auto type) { resampleIntegers<decltype(type)>(args, b, attrs); });
  else withFloat(x.dtype, [&](auto type) { resampleFloats<decltype(type)>(args, b, attrs); });
}

}  // namespace revoxel::ops
