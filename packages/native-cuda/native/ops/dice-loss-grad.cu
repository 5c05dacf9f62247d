// diceLossGrad: per class two numbers, for voxels of the class and for others; then one pass that picks. p is never read.
#include "../kernels/losses.cuh"
#include "../kernels/places.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

struct Slopes {
  float hit[256], miss[256];
};

/** The two numbers of every class of set blockIdx.y, for all threads of the block. */
__device__ __forceinline__ void makeSlopes(Slopes& slopes, const float* sums, const float* dloss, int sets, int c, int first, double smooth) {
  const int k = static_cast<int>(threadIdx.x);
  if (k < c) {
    const float* const of = sums + static_cast<int64_t>(blockIdx.y) * 3 * c + k;
    const double factor = -static_cast<double>(dloss[0]) / (static_cast<double>(sets) * (c - first));
    const double total = static_cast<double>(of[c]) + static_cast<double>(of[2 * c]) + smooth;
    // Written so that a NaN passes.
    const double denominator = total < 1e-8 ? 1e-8 : total;
    const double fromSum = total > 1e-8 ? (2.0 * static_cast<double>(of[0]) + smooth) / (denominator * denominator) : 0.0;
    slopes.hit[k] = k < first ? 0.0f : static_cast<float>(factor * (2.0 / denominator - fromSum));
    slopes.miss[k] = k < first ? 0.0f : static_cast<float>(factor * -fromSum);
  }
  __syncthreads();
}

template <int K, class T>
__global__ void __launch_bounds__(BLOCK) diceGradRowKernel(const uint8_t* labels, const float* sums, const float* dloss, int64_t voxels, int sets, int c, int first, int ignore, double smooth, T* dp) {
  SHARED_STRUCT(RowTile<K>, tile);
  SHARED_STRUCT(Slopes, slopes);
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t begin = static_cast<int64_t>(blockIdx.y) * voxels;
  makeSlopes(slopes, sums, dloss, sets, c, first, smooth);
  eachRowBlock(voxels, [&](int64_t at, int count) {
    const int label = thread < count ? labels[begin + at + thread] : ignore;
    float row[K] = {};
#pragma unroll
    for (int k = 0; k < K; k++) {
      if (k < c && label != ignore) row[k] = k == label ? slopes.hit[k] : slopes.miss[k];
    }
    writeRow<K>(dp + (begin + at) * c, count, c, tile, row);
  });
}

template <class T>
__global__ void __launch_bounds__(BLOCK) diceGradFlatKernel(const uint8_t* labels, const float* sums, const float* dloss, int64_t voxels, int sets, Quotient classes, int first, int ignore, double smooth, T* dp) {
  SHARED_STRUCT(Slopes, slopes);
  const int c = static_cast<int>(classes.by);
  const int64_t begin = static_cast<int64_t>(blockIdx.y) * voxels;
  makeSlopes(slopes, sums, dloss, sets, c, first, smooth);
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * BLOCK + threadIdx.x; i < voxels * c; i += static_cast<int64_t>(gridDim.x) * BLOCK) {
    int64_t voxel = i;
    const int k = classes.take(voxel), label = labels[begin + voxel];
    dp[begin * c + i] = fromFloat<T>(label == ignore ? 0.0f : k == label ? slopes.hit[k] : slopes.miss[k]);
  }
}

}  // namespace

void diceLossGrad(const Args& args) {
  args.requireOperands(4, 1);
  requireLabels(args);
  const auto& attrs = args.attrs<DiceLossGradAttrs>();
  const Tensor &p = args.in[0], &sums = args.in[2], &dloss = args.in[3], &dp = args.out[0];
  const int c = static_cast<int>(p.channels()), first = attrs.background ? 0 : 1, ignore = ignoredLabel(attrs.ignore);
  const int64_t samples = attrs.batch ? 1 : p.samples(), voxels = p.count / c / samples;
  args.require(dp.count == p.count && dp.dtype == p.dtype, "probabilities and result differ");
  args.require(sums.dtype == DType::f32 && sums.count == samples * 3 * c && dloss.dtype == DType::f32, "sums or dloss do not fit the scores");
  args.require(first < c && samples <= 65535, "has no class that counts, or too many samples");
  const uint8_t* const labels = args.in[1].as<uint8_t>();
  const int sets = static_cast<int>(samples);
  withFloat(p.dtype, [&](auto type) {
    using T = decltype(type);
    if (c > ROW) return launch(args, diceGradFlatKernel<T>, dim3(gridFor(voxels * c), static_cast<unsigned>(sets)), BLOCK, 0, labels, sums.f32(), dloss.f32(), voxels, sets, Quotient::of(c), first, ignore, attrs.smooth, dp.as<T>());
    withRow(c, [&](auto k) { launch(args, diceGradRowKernel<decltype(k)::value, T>, dim3(gridFor(voxels), static_cast<unsigned>(sets)), BLOCK, 0, labels, sums.f32(), dloss.f32(), voxels, sets, c, first, ignore, attrs.smooth, dp.as<T>()); });
  });
}

}  // namespace revoxel::ops
