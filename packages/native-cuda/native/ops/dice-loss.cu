// diceLoss: per class the sums of p * y, p and y over voxels, then the mean soft Dice. One pass; block sums are added by one
// block in float64, in a fixed order.
#include "../kernels/losses.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** Where partial sums lie: [set][sum][block], so that a warp reads neighbours. */
__device__ __forceinline__ double* partialOf(double* partials, int sum, int sums) {
  return partials + (static_cast<int64_t>(blockIdx.y) * sums + sum) * gridDim.x + blockIdx.x;
}

template <int K>
struct WarpSums {
  float of[BLOCK / 32][3 * K];
};

/** Few classes: a thread a voxel. Its sums are of few voxels and in fp32, as are those of a warp, which adds pairwise. */
template <int K, class T>
__global__ void __launch_bounds__(BLOCK) diceRowKernel(const T* p, const uint8_t* labels, int64_t voxels, int c, int ignore, double* partials) {
  SHARED_STRUCT(RowTile<K>, tile);
  SHARED_STRUCT(WarpSums<K>, warps);
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t begin = static_cast<int64_t>(blockIdx.y) * voxels;
  float sums[3 * K] = {};
  eachRowBlock(voxels, [&](int64_t first, int count) {
    const int label = thread < count ? labels[begin + first + thread] : ignore;
    float row[K] = {};
    readRow<K>(p + (begin + first) * c, count, c, tile, row);
    if (thread >= count || label == ignore) return;
#pragma unroll
    for (int k = 0; k < K; k++) {
      const float y = k == label ? 1.0f : 0.0f;
      sums[k] += row[k] * y;
      sums[K + k] += row[k];
      sums[2 * K + k] += y;
    }
  });
#pragma unroll
  for (int i = 0; i < 3 * K; i++) {
    if (i % K >= c) continue;
    const float sum = groupSum(sums[i], 32);
    if (thread % 32 == 0) warps.of[thread / 32][i] = sum;
  }
  __syncthreads();
  if (thread >= 3 * K || thread % K >= c) return;
  double total = 0.0;
  for (int w = 0; w < BLOCK / 32; w++) total += static_cast<double>(warps.of[w][thread]);
  *partialOf(partials, thread / K * c + thread % K, 3 * c) = total;
}

struct ThreadSums {
  double of[3][BLOCK];
};

/** Many classes: a thread sums one class over every so many voxels, so that a block reads whole rows. */
template <class T>
__global__ void __launch_bounds__(BLOCK) diceColumnKernel(const T* p, const uint8_t* labels, int64_t voxels, int c, int ignore, double* partials) {
  SHARED_STRUCT(ThreadSums, sums);
  const int thread = static_cast<int>(threadIdx.x), groups = BLOCK / c, k = thread % c, group = thread / c;
  const int64_t begin = static_cast<int64_t>(blockIdx.y) * voxels, step = static_cast<int64_t>(gridDim.x) * groups;
  double intersection = 0.0, probability = 0.0, truth = 0.0;
  if (group < groups) {
#pragma unroll 4
    for (int64_t v = static_cast<int64_t>(blockIdx.x) * groups + group; v < voxels; v += step) {
      const double value = static_cast<double>(toFloat(p[(begin + v) * c + k]));
      const int label = labels[begin + v];
      if (label == ignore) continue;
      const double y = k == label ? 1.0 : 0.0;
      intersection += value * y;
      probability += value;
      truth += y;
    }
  }
  sums.of[0][thread] = intersection;
  sums.of[1][thread] = probability;
  sums.of[2][thread] = truth;
  __syncthreads();
  if (thread >= c) return;
  for (int which = 0; which < 3; which++) {
    double total = 0.0;
    for (int g = 0; g < groups; g++) total += sums.of[which][g * c + thread];
    *partialOf(partials, which * c + thread, 3 * c) = total;
  }
}

/** A warp adds the blocks of a sum; then one warp makes the loss. `totals`: float64 sums of all sets. */
__global__ void __launch_bounds__(1024) diceFinishKernel(const double* partials, int blocks, int sets, int c, int first, double smooth, double* totals, float* sums, float* loss) {
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32, warps = static_cast<int>(blockDim.x) / 32;
  for (int64_t sum = warp; sum < static_cast<int64_t>(sets) * 3 * c; sum += warps) {
    double total = 0.0;
    for (int block = lane; block < blocks; block += 32) total += partials[sum * blocks + block];
    total = groupSum(total, 32);
    if (lane > 0) continue;
    totals[sum] = total;
    sums[sum] = static_cast<float>(total);
  }
  __syncthreads();
  if (warp > 0) return;
  const int classes = c - first;
  const int64_t terms = static_cast<int64_t>(sets) * classes;
  double dice = 0.0;
  for (int64_t term = lane; term < terms; term += 32) {
    const double* const of = totals + term / classes * 3 * c + first + term % classes;
    const double denominator = of[c] + of[2 * c] + smooth;
    // Written so that a NaN passes.
    dice += (2.0 * of[0] + smooth) / (denominator < 1e-8 ? 1e-8 : denominator);
  }
  dice = groupSum(dice, 32);
  if (lane == 0) loss[0] = static_cast<float>(-dice / static_cast<double>(terms));
}

}  // namespace

void diceLoss(const Args& args) {
  args.requireOperands(2, 2);
  requireLabels(args);
  const auto& attrs = args.attrs<DiceLossAttrs>();
  const Tensor &p = args.in[0], &loss = args.out[0], &sums = args.out[1];
  const int c = static_cast<int>(p.channels()), first = attrs.background ? 0 : 1, ignore = ignoredLabel(attrs.ignore);
  const int64_t sets = attrs.batch ? 1 : p.samples(), voxels = p.count / c / sets;
  args.require(loss.dtype == DType::f32 && loss.count == 1 && sums.dtype == DType::f32 && sums.count == sets * 3 * c, "loss or sums do not fit the scores");
  args.require(first < c && sets <= 65535, "has no class that counts, or too many samples");
  const uint8_t* const labels = args.in[1].as<uint8_t>();
  const unsigned blocks = lossBlocks(args, voxels, sets);
  const int64_t columns = sets * 3 * c;
  double* const partials = args.scratchOf<double>(columns * (blocks + 1));
  const dim3 grid(blocks, static_cast<unsigned>(sets));
  withFloat(p.dtype, [&](auto type) {
    using T = decltype(type);
    if (c > ROW) return launch(args, diceColumnKernel<T>, grid, BLOCK, 0, p.as<T>(), labels, voxels, c, ignore, partials);
    withRow(c, [&](auto k) { launch(args, diceRowKernel<decltype(k)::value, T>, grid, BLOCK, 0, p.as<T>(), labels, voxels, c, ignore, partials); });
  });
  const unsigned threads = static_cast<unsigned>(std::min<int64_t>(1024, 32 * columns));
  launch(args, diceFinishKernel, 1, threads, 0, partials, static_cast<int>(blocks), static_cast<int>(sets), c, first, attrs.smooth, partials + columns * blocks, sums.f32(), loss.f32());
}

}  // namespace revoxel::ops
