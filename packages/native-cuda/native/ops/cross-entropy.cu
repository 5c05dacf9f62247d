// crossEntropy: mean of log-sum-exp minus the label's logit over voxels that count. One pass; sums in float64, block by
// block, then by one block in a fixed order.
#include "../kernels/losses.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

struct Partial {
  double loss, count;
};

struct WarpPartials {
  Partial of[BLOCK / 32];
};

/** The sum over the block, in thread 0. */
__device__ __forceinline__ Partial blockTotal(Partial own, WarpPartials& warps) {
  const int thread = static_cast<int>(threadIdx.x);
  own.loss = groupSum(own.loss, 32);
  own.count = groupSum(own.count, 32);
  if (thread % 32 == 0) warps.of[thread / 32] = own;
  __syncthreads();
  Partial total{0.0, 0.0};
  if (thread > 0) return total;
  for (int w = 0; w < BLOCK / 32; w++) {
    total.loss += warps.of[w].loss;
    total.count += warps.of[w].count;
  }
  return total;
}

template <int K, class T>
__global__ void __launch_bounds__(BLOCK) crossEntropyRowKernel(const T* x, const uint8_t* labels, int64_t voxels, int c, int ignore, Partial* partials) {
  SHARED_STRUCT(RowTile<K>, tile);
  SHARED_STRUCT(WarpPartials, warps);
  const int thread = static_cast<int>(threadIdx.x);
  Partial own{0.0, 0.0};
  eachRowBlock(voxels, [&](int64_t first, int count) {
    const int label = thread < count ? labels[first + thread] : ignore;
    float row[K] = {}, top;
    readRow<K>(x + first * c, count, c, tile, row);
    // A label that is no class makes the loss NaN.
    float logit = std::numeric_limits<float>::quiet_NaN();
#pragma unroll
    for (int k = 0; k < K; k++) {
      if (k < c && k == label) logit = row[k];
    }
    const float sum = exponentials(row, c, top);
    if (thread < count && label != ignore) {
      own.loss += static_cast<double>(logf(sum)) + static_cast<double>(top - logit);
      own.count += 1.0;
    }
  });
  const Partial total = blockTotal(own, warps);
  if (thread == 0) partials[blockIdx.x] = total;
}

template <class T>
__global__ void __launch_bounds__(BLOCK) crossEntropyGroupKernel(const T* x, const uint8_t* labels, int64_t voxels, int c, int lanes, int ignore, Partial* partials) {
  SHARED_STRUCT(WarpPartials, warps);
  Partial own{0.0, 0.0};
  eachGroupRow(voxels, lanes, [&](int64_t row, int lane, bool exists) {
    const int label = labels[row];
    float top;
    const float sum = groupExponentials(x + row * c, c, lane, lanes, top);
    if (!exists || lane > 0 || label == ignore) return;
    const float logit = label < c ? toFloat(x[row * c + label]) : std::numeric_limits<float>::quiet_NaN();
    own.loss += static_cast<double>(logf(sum)) + static_cast<double>(top - logit);
    own.count += 1.0;
  });
  const Partial total = blockTotal(own, warps);
  if (threadIdx.x == 0) partials[blockIdx.x] = total;
}

__global__ void __launch_bounds__(BLOCK) crossEntropyFinishKernel(const Partial* partials, int count, float* loss, float* voxels) {
  SHARED_STRUCT(WarpPartials, warps);
  Partial own{0.0, 0.0};
  for (int i = static_cast<int>(threadIdx.x); i < count; i += BLOCK) {
    own.loss += partials[i].loss;
    own.count += partials[i].count;
  }
  const Partial total = blockTotal(own, warps);
  if (threadIdx.x > 0) return;
  loss[0] = total.count == 0.0 ? 0.0f : static_cast<float>(total.loss / total.count);
  voxels[0] = static_cast<float>(total.count);
}

}  // namespace

void crossEntropy(const Args& args) {
  args.requireOperands(2, 2);
  requireLabels(args);
  const Tensor &x = args.in[0], &loss = args.out[0], &count = args.out[1];
  args.require(loss.dtype == DType::f32 && loss.count == 1 && count.dtype == DType::f32 && count.count == 1, "loss and count must be f32 scalars");
  const uint8_t* const labels = args.in[1].as<uint8_t>();
  const int ignore = ignoredLabel(args.attrs<CrossEntropyAttrs>().ignore), c = static_cast<int>(x.channels());
  const int64_t voxels = x.count / c;
  const unsigned blocks = lossBlocks(args, voxels, 1);
  Partial* const partials = args.scratchOf<Partial>(blocks);
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    if (c > ROW) return launch(args, crossEntropyGroupKernel<T>, blocks, BLOCK, 0, x.as<T>(), labels, voxels, c, lanesOf(c), ignore, partials);
    withRow(c, [&](auto k) { launch(args, crossEntropyRowKernel<decltype(k)::value, T>, blocks, BLOCK, 0, x.as<T>(), labels, voxels, c, ignore, partials); });
  });
  launch(args, crossEntropyFinishKernel, 1, BLOCK, 0, partials, static_cast<int>(blocks), loss.f32(), count.f32());
}

}  // namespace revoxel::ops
