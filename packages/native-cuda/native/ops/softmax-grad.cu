// softmaxGrad: dx = p * (dp - sum over channels of p * dp), a thread or a group of lanes a voxel. In place on either operand.
#include "../kernels/rows.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

template <int K, class T>
__global__ void __launch_bounds__(BLOCK) softmaxGradRowKernel(const T* p, const T* dp, int64_t rows, int c, T* dx) {
  SHARED_STRUCT(RowTile<K>, tile);
  eachRowBlock(rows, [&](int64_t first, int count) {
    float prob[K] = {}, grad[K] = {};
    readRow<K>(p + first * c, count, c, tile, prob);
    readRow<K>(dp + first * c, count, c, tile, grad);
    float dot = 0.0f;
#pragma unroll
    for (int k = 0; k < K; k++) dot += prob[k] * grad[k];
#pragma unroll
    for (int k = 0; k < K; k++) grad[k] = prob[k] * (grad[k] - dot);
    writeRow<K>(dx + first * c, count, c, tile, grad);
  });
}

template <class T>
__global__ void __launch_bounds__(BLOCK) softmaxGradGroupKernel(const T* p, const T* dp, int64_t rows, int c, int lanes, T* dx) {
  eachGroupRow(rows, lanes, [&](int64_t row, int lane, bool exists) {
    const int64_t at = row * c;
    float dot = 0.0f;
    for (int k = lane; k < c; k += lanes) dot += toFloat(p[at + k]) * toFloat(dp[at + k]);
    dot = groupSum(dot, lanes);
    if (!exists) return;
    for (int k = lane; k < c; k += lanes) dx[at + k] = fromFloat<T>(toFloat(p[at + k]) * (toFloat(dp[at + k]) - dot));
  });
}

}  // namespace

void softmaxGrad(const Args& args) {
  args.requireOperands(2, 1);
  const Tensor &p = args.in[0], &dp = args.in[1], &dx = args.out[0];
  args.require(p.count == dx.count && dp.count == dx.count && p.rank() >= 2, "operands and result differ");
  args.require(p.dtype == dx.dtype && dp.dtype == dx.dtype, "operands and result differ in dtype");
  args.require(p.channels() < int64_t{1} << 30, "has too many channels");
  const int c = static_cast<int>(p.channels());
  const int64_t rows = p.count / c;
  withFloat(p.dtype, [&](auto type) {
    using T = decltype(type);
    if (c > ROW) return launch(args, softmaxGradGroupKernel<T>, gridFor(rows * lanesOf(c)), BLOCK, 0, p.as<T>(), dp.as<T>(), rows, c, lanesOf(c), dx.as<T>());
    withRow(c, [&](auto k) { launch(args, softmaxGradRowKernel<decltype(k)::value, T>, gridFor(rows), BLOCK, 0, p.as<T>(), dp.as<T>(), rows, c, dx.as<T>()); });
  });
}

}  // namespace revoxel::ops
