// resample: invertible resampling by a matrix per block. A tile of blocks is gathered into planes, one for every voxel
// of a block; all maps then run over planes, which are long contiguous arrays whatever the channels; the result is
// scattered. Going up is the same with the two sides exchanged.
#include <cmath>

#include "../core/grid.h"
#include "../core/lanes.h"
#include "../core/parallel.h"
#include "../core/simd.h"
#include "blocks.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

// ---- Leaves over a pair of planes ----------------------------------------------------------------------------------

/** (a, b) becomes (aa a + ab b, ba a + bb b). */
REVOXEL_CLONES void mapPair(float* a, float* b, int64_t n, float aa, float ab, float ba, float bb) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    const float p = a[i], q = b[i];
    a[i] = aa * p + ab * q;
    b[i] = ba * p + bb * q;
  }
}

// The S-transform; conversions to Int and Bits wrap around.
#define REVOXEL_LIFTING(suffix, Int, Bits)                                        \
  REVOXEL_CLONES void liftForward##suffix(Int* a, Int* b, int64_t n) {            \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                         \
      const Int detail = static_cast<Int>(static_cast<Bits>(static_cast<Bits>(a[i]) - static_cast<Bits>(b[i]))); \
      a[i] = static_cast<Int>(static_cast<Bits>(static_cast<Bits>(b[i]) + static_cast<Bits>(detail >> 1)));      \
      b[i] = detail;                                                              \
    }                                                                             \
  }                                                                               \
  REVOXEL_CLONES void liftInverse##suffix(Int* a, Int* b, int64_t n) {            \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                         \
      const Int odd = static_cast<Int>(static_cast<Bits>(static_cast<Bits>(a[i]) - static_cast<Bits>(b[i] >> 1))); \
      a[i] = static_cast<Int>(static_cast<Bits>(static_cast<Bits>(b[i]) + static_cast<Bits>(odd)));                \
      b[i] = odd;                                                                 \
    }                                                                             \
  }
REVOXEL_LIFTING(16, int16_t, uint16_t)
REVOXEL_LIFTING(32, int32_t, uint32_t)
#undef REVOXEL_LIFTING

void lift(int16_t* a, int16_t* b, int64_t n, bool forward) { forward ? liftForward16(a, b, n) : liftInverse16(a, b, n); }
void lift(int32_t* a, int32_t* b, int64_t n, bool forward) { forward ? liftForward32(a, b, n) : liftInverse32(a, b, n); }

/** y (+)= the sum of four planes times their factors, which repeat every p lanes. */
REVOXEL_CLONES void multiply4(const float* x, int64_t plane, const float* m, int64_t lanes, float* y, int64_t n, int64_t p, bool first) {
  const float *x1 = x + plane, *x2 = x1 + plane, *x3 = x2 + plane;
  const float *m1 = m + lanes, *m2 = m1 + lanes, *m3 = m2 + lanes;
  for (int64_t i = 0; i < n; i += p) {
    const int64_t count = n - i < p ? n - i : p;
#pragma omp simd
    for (int64_t j = 0; j < count; j++) {
      const float before = first ? 0.0f : y[i + j];
      y[i + j] = before + ((m[j] * x[i + j] + m1[j] * x1[i + j]) + (m2[j] * x2[i + j] + m3[j] * x3[i + j]));
    }
  }
}

REVOXEL_CLONES void multiply1(const float* x, const float* m, float* y, int64_t n, int64_t p, bool first) {
  for (int64_t i = 0; i < n; i += p) {
    const int64_t count = n - i < p ? n - i : p;
#pragma omp simd
    for (int64_t j = 0; j < count; j++) y[i + j] = (first ? 0.0f : y[i + j]) + m[j] * x[i + j];
  }
}

/** Largest factor whose products the fast rounding takes: |product| < 2^51 for every 32-bit integer. */
constexpr double FAST_FACTOR = 524288.0;

/** A product rounded to the nearest integer, modulo 2^32; |v| < 2^51. */
REVOXEL_LEAF_INLINE uint32_t roundedFast(double v) {
  // Rounding first: the product and the sum below must not become one fused operation.
  const double shifted = __builtin_rint(v) + 6755399441055744.0;
  uint64_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  return static_cast<uint32_t>(bits);
}

/** The same for any v. */
uint32_t roundedAny(double v) {
  const double whole = std::fmod(__builtin_rint(v), 4294967296.0);
  return whole == whole ? static_cast<uint32_t>(static_cast<int64_t>(whole)) : 0u;
}

/** A sum as an element of 32 bits holds it: modulo 2^bits, with sign. By shifts, so that loops stay in lanes of 32 bits. */
template <int bits>
REVOXEL_LEAF_INLINE int32_t wrapped(uint32_t sum) {
  return static_cast<int32_t>(sum << (32 - bits)) >> (32 - bits);
}

/** A rotation by three lifting steps, or back, of numbers of `bits` bits; factors repeat every p lanes. */
template <int bits, class Round>
REVOXEL_LEAF_INLINE void rotateBody(int32_t* a, int32_t* b, int64_t n, int64_t p, const double* tangent, const double* sine, bool forward, const Round& round) {
  const uint32_t flip = forward ? 0u : ~0u;
  for (int64_t i = 0; i < n; i += p) {
    const int64_t count = n - i < p ? n - i : p;
#pragma omp simd
    for (int64_t j = 0; j < count; j++) {
      // x ^ flip - flip is x or -x.
      const int32_t first = wrapped<bits>(static_cast<uint32_t>(a[i + j]) - ((round(tangent[j] * static_cast<double>(b[i + j])) ^ flip) - flip));
      const int32_t second = wrapped<bits>(static_cast<uint32_t>(b[i + j]) + ((round(sine[j] * static_cast<double>(first)) ^ flip) - flip));
      a[i + j] = wrapped<bits>(static_cast<uint32_t>(first) - ((round(tangent[j] * static_cast<double>(second)) ^ flip) - flip));
      b[i + j] = second;
    }
  }
}

using Rotation = void (*)(int32_t* a, int32_t* b, int64_t n, int64_t p, const double* tangent, const double* sine, bool forward);

REVOXEL_CLONES void rotate16(int32_t* a, int32_t* b, int64_t n, int64_t p, const double* tangent, const double* sine, bool forward) {
  rotateBody<16>(a, b, n, p, tangent, sine, forward, [](double v) __attribute__((always_inline)) { return roundedFast(v); });
}
REVOXEL_CLONES void rotate32(int32_t* a, int32_t* b, int64_t n, int64_t p, const double* tangent, const double* sine, bool forward) {
  rotateBody<32>(a, b, n, p, tangent, sine, forward, [](double v) __attribute__((always_inline)) { return roundedFast(v); });
}
template <int bits>
void rotateAny(int32_t* a, int32_t* b, int64_t n, int64_t p, const double* tangent, const double* sine, bool forward) {
  rotateBody<bits>(a, b, n, p, tangent, sine, forward, roundedAny);
}

REVOXEL_CLONES void widenIntegers(const int16_t* from, int32_t* to, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) to[i] = from[i];
}
REVOXEL_CLONES void narrowIntegers(const int32_t* from, int16_t* to, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) to[i] = static_cast<int16_t>(from[i]);
}

// ---- Maps of the planes of a tile ----------------------------------------------------------------------------------

/** body(first plane, second plane, planes side by side) for every pair along one axis of blocks. */
template <class Body>
void eachPairAlong(int64_t s, int64_t step, const Body& body) {
  for (int64_t k = 0; k < s; k += 2 * step) body(k, k + step, step);
}

/** haar and the floats of lifting: one 2 x 2 matrix per halved axis. */
void mapAxes(const Blocks& b, const ResampleAttrs& attrs, float* planes, int64_t n) {
  const int64_t steps[3] = {b.block.h * b.block.w, b.block.w, 1}, halves[3] = {b.block.d, b.block.h, b.block.w};
  const bool haar = attrs.kind == ResampleKind::haar;
  // Row by row: (aa, ab), (ba, bb). The Haar matrix is orthogonal: its inverse is its transpose.
  float m[4] = {1, 1, -1, 1};
  if (!haar) {
    const float lifting[4][4] = {{0.5f, 0.5f, 1, -1}, {1, 0.5f, 1, -0.5f}, {0.5f, 1, 0.5f, -1}, {1, 1, 0.5f, -0.5f}};
    for (int i = 0; i < 4; i++) m[i] = lifting[static_cast<int>(attrs.form)][i];
  } else if (attrs.form == ResampleForm::inverse || attrs.form == ResampleForm::transpose) {
    std::swap(m[1], m[2]);
  }
  // 2^(-d/2) is applied once.
  double factor = haar ? std::sqrt(1.0 / static_cast<double>(b.s)) : 1.0;
  for (int axis = 0; axis < 3; axis++) {
    if (halves[axis] != 2) continue;
    const float f = static_cast<float>(factor);
    eachPairAlong(b.s, steps[axis], [&](int64_t first, int64_t second, int64_t width) { mapPair(planes + first * n, planes + second * n, width * n, f * m[0], f * m[1], f * m[2], f * m[3]); });
    factor = 1.0;
  }
}

template <class Int>
void liftAxes(const Blocks& b, bool forward, Int* planes, int64_t n) {
  const int64_t steps[3] = {b.block.h * b.block.w, b.block.w, 1}, halves[3] = {b.block.d, b.block.h, b.block.w};
  for (int i = 0; i < 3; i++) {
    const int axis = forward ? i : 2 - i;
    if (halves[axis] != 2) continue;
    eachPairAlong(b.s, steps[axis], [&](int64_t first, int64_t second, int64_t width) { lift(planes + first * n, planes + second * n, width * n, forward); });
  }
}

/** Per-channel factors of `given` and `givens`, in the call's scratch. */
struct Factors {
  int64_t p, lanes;
  /** given: entry [row][column] of what is applied. */
  float* matrix = nullptr;
  /** givens: per pair. */
  double *tangent = nullptr, *sine = nullptr;
  bool fast = true;

  Factors(const Args& args, const Blocks& b, const ResampleAttrs& attrs) : p(periodOf(b.large.c)), lanes(ceil16(p)) {
    const int64_t c = b.large.c, s = b.s;
    if (attrs.kind == ResampleKind::given) {
      const Tensor& q = args.in[1];
      args.require(q.count == s * s || q.count == c * s * s, "the matrices have the wrong size");
      matrix = args.scratchOf<float>(s * s * lanes);
      const bool plain = attrs.form == ResampleForm::forward || attrs.form == ResampleForm::inverseTranspose;
      for (int64_t row = 0; row < s; row++) {
        for (int64_t column = 0; column < s; column++) {
          float* const to = matrix + (row * s + column) * lanes;
          // Tensors of rank 3 have axis 1, the row, last in memory.
          const float* const from = q.f32() + (plain ? column * s + row : row * s + column);
          for (int64_t k = 0; k < c; k++) to[k] = from[q.count == s * s ? 0 : k * s * s];
          repeat(to, c, p);
        }
      }
    }
    if (attrs.kind == ResampleKind::givens) {
      const Tensor& angles = args.in[1];
      const int64_t pairs = s * (s - 1) / 2;
      args.require(angles.count == pairs || angles.count == c * pairs, "the angles have the wrong size");
      tangent = args.scratchOf<double>(2 * pairs * lanes);
      sine = tangent + pairs * lanes;
      for (int64_t pair = 0; pair < pairs; pair++) {
        for (int64_t k = 0; k < c; k++) {
          const double angle = static_cast<double>(angles.f32()[(angles.count == pairs ? 0 : k * pairs) + pair]);
          const double t = std::tan(angle / 2);
          tangent[pair * lanes + k] = t;
          sine[pair * lanes + k] = std::sin(angle);
          if (!(std::fabs(t) <= FAST_FACTOR)) fast = false;
        }
        repeat(tangent + pair * lanes, c, p);
        repeat(sine + pair * lanes, c, p);
      }
    }
  }
};

void multiply(const Blocks& b, const Factors& factors, const Tile& tile, const float* x, float* y) {
  const int64_t n = tile.plane(), lanes = factors.lanes;
  for (int64_t row = 0; row < b.s; row++) {
    const float* const m = factors.matrix + row * b.s * lanes + tile.channel;
    int64_t column = 0;
    for (; column + 4 <= b.s; column += 4) multiply4(x + column * n, n, m + column * lanes, lanes, y + row * n, n, factors.p, column == 0);
    for (; column < b.s; column++) multiply1(x + column * n, m + column * lanes, y + row * n, n, factors.p, column == 0);
  }
}

/** All rotations in their order, or back. */
void rotateAll(const Blocks& b, const Factors& factors, const Tile& tile, bool forward, Rotation rotate, int32_t* planes) {
  const int64_t n = tile.plane(), pairs = b.s * (b.s - 1) / 2;
  int64_t i = forward ? 0 : b.s - 2, j = forward ? 1 : b.s - 1;
  for (int64_t count = 0; count < pairs; count++) {
    const int64_t pair = forward ? count : pairs - 1 - count;
    const int64_t at = pair * factors.lanes + tile.channel;
    rotate(planes + i * n, planes + j * n, n, factors.p, factors.tangent + at, factors.sine + at, forward);
    // Lexicographic order, or back.
    if (forward) {
      if (++j == b.s) j = ++i + 1;
    } else if (--j == i) {
      i--;
      j = b.s - 1;
    }
  }
}

void turn(const Blocks& b, const Factors& factors, const Tile& tile, bool forward, int16_t* planes) {
  int32_t wide[TILE];
  widenIntegers(planes, wide, b.s * tile.plane());
  rotateAll(b, factors, tile, forward, factors.fast ? rotate16 : rotateAny<16>, wide);
  narrowIntegers(wide, planes, b.s * tile.plane());
}

void turn(const Blocks& b, const Factors& factors, const Tile& tile, bool forward, int32_t* planes) {
  rotateAll(b, factors, tile, forward, factors.fast ? rotate32 : rotateAny<32>, planes);
}

// --------------------------------------------------------------------------------------------------------------------

/** Gathers, maps and scatters all tiles. body(tile, planes) gives the planes to scatter. */
template <class Unit, class Body>
void run(const Args& args, const Blocks& b, bool up, const Body& body) {
  const Unit* const source = args.in[0].as<const Unit>();
  Unit* const target = args.out[0].as<Unit>();
  parallelRange(args.threads, b.rows(), 2 * b.rowElements(), [&](int64_t begin, int64_t end) {
    Unit planes[TILE], work[2 * TILE];
    float floats[2][TILE];
    for (int64_t row = begin; row < end; row++) {
      eachTile(b, row, [&](const Tile& tile) {
        prefetchNext(b, tile, up ? target : source, up ? source : target, up);
        if (up) gatherSmall(b, tile, source, planes, work);
        else gatherLarge(b, tile, source, planes);
        const Unit* const result = body(tile, planes, floats);
        if (up) scatterLarge(b, tile, result, target);
        else scatterSmall(b, tile, result, target, work);
      });
    }
  });
}

template <class Int>
void runIntegers(const Args& args, const Blocks& b, const ResampleAttrs& attrs) {
  const bool forward = attrs.form == ResampleForm::forward;
  const Factors factors(args, b, attrs);
  run<Int>(args, b, !forward, [&](const Tile& tile, Int* planes, float(*)[TILE]) {
    if (attrs.kind == ResampleKind::lifting) liftAxes(b, forward, planes, tile.plane());
    else turn(b, factors, tile, forward, planes);
    return planes;
  });
}

float* mapFloats(const Blocks& b, const ResampleAttrs& attrs, const Factors& factors, const Tile& tile, float* x, float* y) {
  if (attrs.kind != ResampleKind::given) {
    mapAxes(b, attrs, x, tile.plane());
    return x;
  }
  multiply(b, factors, tile, x, y);
  return y;
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
  const Blocks b(args, up ? y : x, up ? x : y, attrs.stride, attrs.order == SqueezeOrder::channelMajor);
  args.require(b.s <= TILE, "blocks of more than 4096 voxels");
  if (isFixed(x.dtype)) {
    args.require(attrs.form == ResampleForm::forward || attrs.form == ResampleForm::inverse, "fixed-point streams go forward and back only");
    args.require(attrs.kind == ResampleKind::lifting || attrs.kind == ResampleKind::givens, "this kind is not for integers");
    return x.dtype == DType::q16 ? runIntegers<int16_t>(args, b, attrs) : runIntegers<int32_t>(args, b, attrs);
  }
  args.require(attrs.kind != ResampleKind::givens && (x.dtype == DType::f32 || x.dtype == DType::bf16), "this kind is not for floats");
  const Factors factors(args, b, attrs);
  if (x.dtype == DType::f32) {
    return run<float>(args, b, up, [&](const Tile& tile, float* planes, float(*work)[TILE]) { return mapFloats(b, attrs, factors, tile, planes, work[0]); });
  }
  run<uint16_t>(args, b, up, [&](const Tile& tile, uint16_t* planes, float(*work)[TILE]) {
    const int64_t elements = b.s * tile.plane();
    widen(planes, work[0], elements);
    narrow(mapFloats(b, attrs, factors, tile, work[0], work[1]), planes, elements);
    return planes;
  });
}

}  // namespace revoxel::ops
