#include "grid-add.h"

#include <cstring>
#include <vector>

#include "../core/grid.h"
#include "../core/parallel.h"
#include "../core/simd.h"

namespace revoxel::ops {

namespace {

/** What a share has seen; sums are modulo 2^32. */
struct Report {
  uint32_t largest = 0, plain = 0, mixed = 0;
  uint64_t near = 0, clamped = 0, nan = 0;

  void merge(const Report& other) {
    if (other.largest > largest) largest = other.largest;
    plain += other.plain;
    mixed += other.mixed;
    near += other.near;
    clamped += other.clamped;
    nan += other.nan;
  }
};

// ---- Leaves. A chunk stays in the first-level cache, so that each may do one thing ----------------------------------

/** Largest |f| as the bits of a float, which are ordered as magnitudes are, with NaN above infinity. */
REVOXEL_CLONES uint32_t largestBits(const float* f, int32_t n) {
  int32_t largest = 0;
#pragma omp simd reduction(max : largest)
  for (int32_t i = 0; i < n; i++) {
    int32_t bits;
    std::memcpy(&bits, &f[i], sizeof bits);
    bits &= 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  return static_cast<uint32_t>(largest);
}

REVOXEL_CLONES uint32_t countBeyond(const float* f, int32_t n, float limit) {
  uint32_t count = 0;
#pragma omp simd reduction(+ : count)
  for (int32_t i = 0; i < n; i++) count += (f[i] < -limit ? 1u : 0u) + (f[i] > limit ? 1u : 0u);
  return count;
}

REVOXEL_CLONES uint32_t countNan(const float* f, int32_t n) {
  uint32_t count = 0;
#pragma omp simd reduction(+ : count)
  for (int32_t i = 0; i < n; i++) count += f[i] == f[i] ? 0u : 1u;
  return count;
}

/** f between -limit and limit, 0 for NaN. */
REVOXEL_CLONES void clampInto(const float* f, float* to, int32_t n, float limit) {
#pragma omp simd
  for (int32_t i = 0; i < n; i++) {
    const float low = f[i] < -limit ? -limit : f[i];
    const float bounded = low > limit ? limit : low;
    to[i] = f[i] == f[i] ? bounded : 0.0f;
  }
}

/** Nearest integer to v, ties to even; |v| <= the limit of the dtype. */
template <class Int>
REVOXEL_LEAF_INLINE uint32_t rounded(float v) {
  if constexpr (sizeof(Int) == 2) {
    // The sum has the integer in its last bits; v is an exact product, so that a fused sum is the same.
    const float shifted = v + 12582912.0f;
    uint32_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    return bits - 0x4b400000u;
  } else {
    return static_cast<uint32_t>(static_cast<int32_t>(__builtin_rintf(v)));
  }
}

/** All |f| lie within the limit. */
template <class Int, GridMode mode>
REVOXEL_LEAF_INLINE void addBody(const Int* k, const float* f, Int* y, int32_t n, float scale) {
#pragma omp simd
  for (int32_t i = 0; i < n; i++) {
    const uint32_t q = rounded<Int>(f[i] * scale);
    const uint32_t before = mode == GridMode::set ? 0u : static_cast<uint32_t>(k[i]);
    y[i] = static_cast<Int>(mode == GridMode::sub ? before - q : before + q);
  }
}

// Smallest and largest element, elements near the limit, and the two sums of the checksum from element `index` on.
#define REVOXEL_GRID(suffix, Int)                                                                                        \
  REVOXEL_CLONES void add##suffix(const Int* k, const float* f, Int* y, int32_t n, float scale) { addBody<Int, GridMode::add>(k, f, y, n, scale); } \
  REVOXEL_CLONES void sub##suffix(const Int* k, const float* f, Int* y, int32_t n, float scale) { addBody<Int, GridMode::sub>(k, f, y, n, scale); } \
  REVOXEL_CLONES void set##suffix(const Int* k, const float* f, Int* y, int32_t n, float scale) { addBody<Int, GridMode::set>(k, f, y, n, scale); } \
  REVOXEL_CLONES void extremes(const Int* y, int32_t n, Int& smallest, Int& largest) {                                   \
    Int low = 0, high = 0;                                                                                               \
    _Pragma("omp simd reduction(min : low) reduction(max : high)") for (int32_t i = 0; i < n; i++) {                     \
      low = y[i] < low ? y[i] : low;                                                                                     \
      high = y[i] > high ? y[i] : high;                                                                                  \
    }                                                                                                                    \
    smallest = low;                                                                                                      \
    largest = high;                                                                                                      \
  }                                                                                                                      \
  REVOXEL_CLONES uint32_t countNear(const Int* y, int32_t n) {                                                           \
    constexpr int32_t limit = static_cast<int32_t>(NEAR_LIMIT<Int>);                                                     \
    uint32_t count = 0;                                                                                                  \
    _Pragma("omp simd reduction(+ : count)") for (int32_t i = 0; i < n; i++) count += (y[i] > limit ? 1u : 0u) + (y[i] < -limit ? 1u : 0u); \
    return count;                                                                                                        \
  }                                                                                                                      \
  REVOXEL_CLONES void sumUp(const Int* k, int32_t n, uint32_t index, uint32_t& plain, uint32_t& mixed) {                 \
    uint32_t p = 0, m = 0;                                                                                               \
    _Pragma("omp simd reduction(+ : p, m)") for (int32_t i = 0; i < n; i++) {                                            \
      const uint32_t word = static_cast<uint32_t>(k[i]), at = index + static_cast<uint32_t>(i);                          \
      p += word * (2u * at + 1u);                                                                                        \
      m += word * (((at ^ (at >> 15)) * 0x2c1b3c6du) | 1u);                                                              \
    }                                                                                                                    \
    plain += p;                                                                                                          \
    mixed += m;                                                                                                          \
  }

REVOXEL_GRID(16, int16_t)
REVOXEL_GRID(32, int32_t)
#undef REVOXEL_GRID

template <class Int>
using Leaf = void (*)(const Int* k, const float* f, Int* y, int32_t n, float scale);

template <class Int>
struct Leaves;
template <>
struct Leaves<int16_t> {
  static constexpr Leaf<int16_t> of[3] = {add16, sub16, set16};
};
template <>
struct Leaves<int32_t> {
  static constexpr Leaf<int32_t> of[3] = {add32, sub32, set32};
};

// --------------------------------------------------------------------------------------------------------------------

/** One chunk from element i on; n <= CHUNK. Clamped, NaN and near elements are rare: they cost time only where they are. */
template <class Int>
void gridChunk(GridMode mode, GridSum sum, const Int* k, const float* f, Int* y, int32_t n, int64_t i, float scale, Report& report) {
  const uint32_t index = static_cast<uint32_t>(i);
  // The limit in units of f: exact, as both are powers of two.
  const float limit = ADD_LIMIT<Int> / scale;
  uint32_t limitBits;
  std::memcpy(&limitBits, &limit, sizeof limitBits);
  float bounded[CHUNK];
  if (largestBits(f, n) > limitBits) {
    if (mode != GridMode::sub) {
      report.clamped += countBeyond(f, n, limit);
      report.nan += countNan(f, n);
    }
    clampInto(f, bounded, n, limit);
    f = bounded;
  }
  if (sum == GridSum::input) sumUp(k, n, index, report.plain, report.mixed);
  Leaves<Int>::of[static_cast<int>(mode)](k, f, y, n, scale);
  if (sum == GridSum::output) sumUp(y, n, index, report.plain, report.mixed);
  if (mode == GridMode::sub) return;
  Int low, high;
  extremes(y, n, low, high);
  const uint32_t below = 0u - static_cast<uint32_t>(low), above = static_cast<uint32_t>(high);
  const uint32_t largest = below > above ? below : above;
  if (largest > NEAR_LIMIT<Int>) report.near += countNear(y, n);
  if (largest > report.largest) report.largest = largest;
}

template <class Int>
Report pass(const Args& args, GridMode mode, GridSum sum, const Tensor* k, const Tensor& f, const Tensor& y, float scale) {
  const int64_t parts = y.count < 2 * GRAIN ? 1 : args.threads;
  std::vector<Report> reports(static_cast<size_t>(parts));
  parallelParts(args.threads, parts, [&](int64_t part) {
    const Share share = shareOf(y.count, part, parts, CHUNK);
    Report own;
    float buffer[CHUNK];
    for (int64_t i = share.begin; i < share.end; i += CHUNK) {
      const int64_t n = share.end - i < CHUNK ? share.end - i : CHUNK;
      const float* source = loadChunk(f, i, n, buffer);
      // Integers over the floats they are made of: read all of a chunk before it changes its type.
      if (f.data == y.data && source != buffer) source = static_cast<const float*>(std::memcpy(buffer, source, static_cast<size_t>(n) * sizeof(float)));
      gridChunk<Int>(mode, sum, k ? k->as<const Int>() + i : nullptr, source, y.as<Int>() + i, static_cast<int32_t>(n), i, scale, own);
    }
    reports[static_cast<size_t>(part)] = own;
  });
  Report total;
  for (const Report& report : reports) total.merge(report);
  return total;
}

}  // namespace

void gridAdd(const Args& args, GridMode mode, GridSum sum, const Tensor* k, const Tensor& f, const Tensor& exponent, const Tensor& y, const Tensor& stats, const Tensor* checksum) {
  args.require(f.count == y.count && (!k || (k->count == y.count && k->dtype == y.dtype)), "operands and result differ");
  args.require(isFixed(y.dtype) && (f.dtype == DType::f32 || f.dtype == DType::bf16) && exponent.count == 1, "expects floats and a fixed-point result");
  args.require(stats.count == 4 && (!checksum || checksum->count == 2), "reports have the wrong size");
  const float scale = gridScale(exponent);
  const Report total = y.dtype == DType::q16 ? pass<int16_t>(args, mode, sum, k, f, y, scale) : pass<int32_t>(args, mode, sum, k, f, y, scale);
  float* const report = stats.f32();
  report[0] = static_cast<float>(total.largest);
  report[1] = static_cast<float>(total.near);
  report[2] = static_cast<float>(total.clamped);
  report[3] = static_cast<float>(total.nan);
  if (!checksum) return;
  checksum->as<uint32_t>()[0] = total.plain;
  checksum->as<uint32_t>()[1] = total.mixed;
}

}  // namespace revoxel::ops
