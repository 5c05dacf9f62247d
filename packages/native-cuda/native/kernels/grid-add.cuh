/**
 * Floats onto the grid of a stream: what quantize and couple share. One pass over memory; what an add reports and the
 * checksum are made in the same pass. All counts and sums are integers, so that they do not depend on the number of blocks.
 */
#pragma once

#include "stream-grid.cuh"

namespace revoxel::streams {

/** Which stream the checksum is taken of: none, k, or the result. */
enum class GridSum { none, input, output };

/** What a part of the elements has seen; sums are modulo 2^32. Counts of a block fit 32 bits. */
template <class Count>
struct Report {
  Count near, clamped, nan;
  uint32_t largest, plain, mixed;

  template <class Other>
  __device__ __forceinline__ void merge(const Report<Other>& other) {
    near += other.near;
    clamped += other.clamped;
    nan += other.nan;
    largest = largest > other.largest ? largest : other.largest;
    plain += other.plain;
    mixed += other.mixed;
  }
};

/** The merged reports of a block, in its thread 0. */
template <class Count>
__device__ __forceinline__ Report<Count> mergeBlock(Report<Count> own) {
  struct Slots {
    Report<Count> at[BLOCK / 32];
  };
  SHARED_STRUCT(Slots, slots);
#pragma unroll
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    Report<Count> other;
    other.near = __shfl_xor_sync(0xffffffffu, own.near, lanes);
    other.clamped = __shfl_xor_sync(0xffffffffu, own.clamped, lanes);
    other.nan = __shfl_xor_sync(0xffffffffu, own.nan, lanes);
    other.largest = __shfl_xor_sync(0xffffffffu, own.largest, lanes);
    other.plain = __shfl_xor_sync(0xffffffffu, own.plain, lanes);
    other.mixed = __shfl_xor_sync(0xffffffffu, own.mixed, lanes);
    own.merge(other);
  }
  if (threadIdx.x % 32 == 0) slots.at[threadIdx.x / 32] = own;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < BLOCK / 32; warp++) own.merge(slots.at[warp]);
  }
  return own;
}

/** y = k +- q(f); y = q(f) when `set`. The result may lie over k, or over f. */
template <class Int, class F, bool set>
struct GridAdd {
  const Int* k;
  const F* f;
  const float* exponent;
  Int* y;
  /** One of every block; null: nobody asks. */
  Report<uint32_t>* reports;
  float* stats;
  uint32_t* checksum;
  bool subtract;
  GridSum sum;

  /** Nearest integer, ties to even; |v| <= the limit of the dtype. */
  static __device__ __forceinline__ uint32_t rounded(float v) {
    // For 16 bits the sum has the integer in its last bits; v is an exact product, so that a fused sum is the same.
    if (sizeof(Int) == 2) return __float_as_uint(v + 12582912.0f) - 0x4b400000u;
    return static_cast<uint32_t>(static_cast<int32_t>(rintf(v)));
  }

  static __device__ __forceinline__ void sumUp(Int k, uint32_t index, Report<uint32_t>& own) {
    const uint32_t word = static_cast<uint32_t>(static_cast<int32_t>(k));
    own.plain += word * (2u * index + 1u);
    own.mixed += word * (((index ^ (index >> 15)) * 0x2c1b3c6du) | 1u);
  }

  /** Elements i to i + N - 1. Clamped, NaN and near elements are rare: they cost time only where they are. */
  template <int N>
  __device__ __forceinline__ void run(int64_t i, float scale, Report<uint32_t>& own) const {
    // Of a float: bits without the sign are ordered as magnitudes are, with NaN above infinity.
    constexpr uint32_t limitBits = sizeof(Int) == 2 ? 0x46800000u : 0x4e800000u;
    const Pack<F, N> source = loadPack<F, N>(f + i);
    Pack<Int, N> before{};
    if (!set) before = loadPack<Int, N>(k + i);
    float v[N];
    uint32_t widest = 0;
#pragma unroll
    for (int j = 0; j < N; j++) {
      v[j] = toFloat(source.at[j]) * scale;
      const uint32_t size = __float_as_uint(v[j]) & 0x7fffffffu;
      widest = widest > size ? widest : size;
    }
    if (widest > limitBits) {
#pragma unroll
      for (int j = 0; j < N; j++) {
        if (!(v[j] == v[j])) {
          v[j] = 0.0f;
          own.nan++;
        } else if (fabsf(v[j]) > ADD_LIMIT<Int>) {
          v[j] = v[j] < 0.0f ? -ADD_LIMIT<Int> : ADD_LIMIT<Int>;
          own.clamped++;
        }
      }
    }
    Pack<Int, N> after;
#pragma unroll
    for (int j = 0; j < N; j++) {
      const uint32_t q = rounded(v[j]), old = static_cast<uint32_t>(static_cast<int32_t>(before.at[j]));
      after.at[j] = static_cast<Int>(static_cast<int32_t>(!set && subtract ? old - q : old + q));
    }
    storePack<Int, N>(y + i, after);
    if (!set && sum != GridSum::none) {
      const bool input = sum == GridSum::input;
#pragma unroll
      for (int j = 0; j < N; j++) sumUp(input ? before.at[j] : after.at[j], static_cast<uint32_t>(i) + static_cast<uint32_t>(j), own);
    }
    if (!set && subtract) return;
    uint32_t largest = 0;
#pragma unroll
    for (int j = 0; j < N; j++) largest = largest > sizeOf(after.at[j]) ? largest : sizeOf(after.at[j]);
    own.largest = own.largest > largest ? own.largest : largest;
    if (largest > NEAR_LIMIT<Int>) {
#pragma unroll
      for (int j = 0; j < N; j++) own.near += sizeOf(after.at[j]) > NEAR_LIMIT<Int> ? 1u : 0u;
    }
  }

  /** |k|, also of the smallest integer. */
  static __device__ __forceinline__ uint32_t sizeOf(Int k) {
    const uint32_t word = static_cast<uint32_t>(static_cast<int32_t>(k));
    return k < 0 ? 0u - word : word;
  }
};

/** Blocks for each multiprocessor: what those of every capability hold. */
constexpr int GRID_BLOCKS = 4;

template <class Int, class F, bool set>
__global__ void __launch_bounds__(BLOCK, GRID_BLOCKS) gridAddKernel(GridAdd<Int, F, set> add, int64_t n) {
  const float scale = scaleOf(add.exponent);
  const int64_t packs = n / PACKED, step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  Report<uint32_t> own{};
  for (int64_t p = first; p < packs; p += step) add.template run<PACKED>(p * PACKED, scale, own);
  if (first < n - packs * PACKED) add.template run<1>(packs * PACKED + first, scale, own);
  if (add.reports) {
    own = mergeBlock(own);
    if (threadIdx.x == 0) add.reports[blockIdx.x] = own;
  } else if (first < 4) {
    // A subtraction without a checksum: nothing to say.
    add.stats[first] = 0.0f;
    if (add.checksum && first < 2) add.checksum[first] = 0;
  }
}

/** Merges the reports of all blocks. The stats of a subtraction are zeros. */
template <class Count>
__global__ void __launch_bounds__(BLOCK) gridReportKernel(const Report<Count>* reports, int count, bool subtract, float* stats, uint32_t* checksum) {
  Report<unsigned long long> all{};
  for (int i = static_cast<int>(threadIdx.x); i < count; i += BLOCK) all.merge(reports[i]);
  all = mergeBlock(all);
  if (threadIdx.x != 0) return;
  stats[0] = subtract ? 0.0f : static_cast<float>(all.largest);
  stats[1] = subtract ? 0.0f : static_cast<float>(all.near);
  stats[2] = subtract ? 0.0f : static_cast<float>(all.clamped);
  stats[3] = subtract ? 0.0f : static_cast<float>(all.nan);
  if (!checksum) return;
  checksum[0] = all.plain;
  checksum[1] = all.mixed;
}

/** Blocks of a pass: as many as the device holds. Their reports are the scratch; mirrored in src/scratch/streams.ts. */
inline int64_t gridBlocks(int64_t n, int multiprocessors) { return std::max<int64_t>(1, std::min<int64_t>(ceilDiv(n, PACKED * BLOCK), GRID_BLOCKS * static_cast<int64_t>(multiprocessors))); }

/**
 * y = k +- q(f), or q(f) without k. The checksum [2] may be null; the stats [4] of a subtraction are zeros.
 * @param k null when setting.
 */
template <bool set>
void gridAdd(const Args& args, const Tensor* k, const Tensor& f, const Tensor& exponent, const Tensor& y, const Tensor& stats, const Tensor* checksum, bool subtract, GridSum sum) {
  args.require(f.count == y.count && (!k || (k->count == y.count && k->dtype == y.dtype)), "operands and result differ");
  args.require(exponent.count == 1 && exponent.dtype == DType::f32 && stats.count == 4 && stats.dtype == DType::f32, "exponent or stats have the wrong size");
  args.require(!checksum || (checksum->count == 2 && checksum->dtype == DType::u32), "the checksum has the wrong size");
  const int64_t blocks = gridBlocks(y.count, args.device->multiprocessors);
  auto* const reports = args.scratchOf<Report<uint32_t>>(blocks);
  uint32_t* const sums = checksum ? checksum->as<uint32_t>() : nullptr;
  const bool asked = !subtract || sum != GridSum::none;
  withFixed(y.dtype, [&](auto integer) {
    using Int = decltype(integer);
    withFloat(f.dtype, [&](auto number) {
      using F = decltype(number);
      const GridAdd<Int, F, set> add{k ? k->as<Int>() : nullptr, f.as<F>(), exponent.f32(), y.as<Int>(), asked ? reports : nullptr, stats.f32(), sums, subtract, sum};
      launch(args, gridAddKernel<Int, F, set>, dim3(static_cast<unsigned>(blocks)), BLOCK, 0, add, y.count);
    });
  });
  if (asked) launch(args, gridReportKernel<uint32_t>, 1, BLOCK, 0, reports, static_cast<int>(blocks), subtract, stats.f32(), sums);
}

}  // namespace revoxel::streams
