// crossEntropyGrad: dx = dloss / count * (softmax(x) - onehot) at voxels that count, 0 elsewhere. In place.
#include "../kernels/losses.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

template <int K, class T>
__global__ void __launch_bounds__(BLOCK) crossEntropyGradRowKernel(const T* x, const uint8_t* labels, const float* count, const float* dloss, int64_t voxels, int c, int ignore, T* dx) {
  SHARED_STRUCT(RowTile<K>, tile);
  const int thread = static_cast<int>(threadIdx.x);
  const float factor = dloss[0] / count[0];
  eachRowBlock(voxels, [&](int64_t first, int rows) {
    const int label = thread < rows ? labels[first + thread] : ignore;
    float row[K] = {}, top;
    readRow<K>(x + first * c, rows, c, tile, row);
    const float inverse = 1.0f / exponentials(row, c, top);
#pragma unroll
    for (int k = 0; k < K; k++) row[k] = label == ignore ? 0.0f : factor * (row[k] * inverse - (k == label ? 1.0f : 0.0f));
    writeRow<K>(dx + first * c, rows, c, tile, row);
  });
}

template <class T>
__global__ void __launch_bounds__(BLOCK) crossEntropyGradGroupKernel(const T* x, const uint8_t* labels, const float* count, const float* dloss, int64_t voxels, int c, int lanes, int ignore, T* dx) {
  const float factor = dloss[0] / count[0];
  eachGroupRow(voxels, lanes, [&](int64_t row, int lane, bool exists) {
    const int64_t at = row * c;
    const int label = labels[row];
    float top;
    const float inverse = 1.0f / groupExponentials(x + at, c, lane, lanes, top);
    if (!exists) return;
    for (int k = lane; k < c; k += lanes) {
      const float p = expf(toFloat(x[at + k]) - top) * inverse;
      dx[at + k] = fromFloat<T>(label == ignore ? 0.0f : factor * (p - (k == label ? 1.0f : 0.0f)));
    }
  });
}

}  // namespace

void crossEntropyGrad(const Args& args) {
  args.requireOperands(4, 1);
  requireLabels(args);
  const Tensor &x = args.in[0], &count = args.in[2], &dloss = args.in[3], &dx = args.out[0];
  args.require(dx.count == x.count && dx.dtype == x.dtype, "logits and result differ");
  args.require(count.dtype == DType::f32 && dloss.dtype == DType::f32, "count and dloss must be f32");
  const uint8_t* const labels = args.in[1].as<uint8_t>();
  const int ignore = ignoredLabel(args.attrs<CrossEntropyGradAttrs>().ignore), c = static_cast<int>(x.channels());
  const int64_t voxels = x.count / c;
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    if (c > ROW) return launch(args, crossEntropyGradGroupKernel<T>, gridFor(voxels * lanesOf(c)), BLOCK, 0, x.as<T>(), labels, count.f32(), dloss.f32(), voxels, c, lanesOf(c), ignore, dx.as<T>());
    withRow(c, [&](auto k) { launch(args, crossEntropyGradRowKernel<decltype(k)::value, T>, gridFor(voxels), BLOCK, 0, x.as<T>(), labels, count.f32(), dloss.f32(), voxels, c, ignore, dx.as<T>()); });
  });
}

}  // namespace revoxel::ops
