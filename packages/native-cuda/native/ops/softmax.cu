// softmax over channels, stabilised by the row's maximum: a thread a voxel for few channels, else a group of lanes. In place.
#include "../kernels/rows.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

template <int K, class T>
__global__ void __launch_bounds__(BLOCK) softmaxRowKernel(const T* x, int64_t rows, int c, T* y) {
  SHARED_STRUCT(RowTile<K>, tile);
  eachRowBlock(rows, [&](int64_t first, int count) {
    float row[K] = {}, top;
    readRow<K>(x + first * c, count, c, tile, row);
    const float factor = 1.0f / exponentials(row, c, top);
#pragma unroll
    for (int k = 0; k < K; k++) row[k] *= factor;
    writeRow<K>(y + first * c, count, c, tile, row);
  });
}

template <class T>
__global__ void __launch_bounds__(BLOCK) softmaxGroupKernel(const T* x, int64_t rows, int c, int lanes, T* y) {
  eachGroupRow(rows, lanes, [&](int64_t row, int lane, bool exists) {
    const T* const from = x + row * c;
    float top;
    const float factor = 1.0f / groupExponentials(from, c, lane, lanes, top);
    if (!exists) return;
    for (int k = lane; k < c; k += lanes) y[row * c + k] = fromFloat<T>(expf(toFloat(from[k]) - top) * factor);
  });
}

}  // namespace

void softmax(const Args& args) {
  args.requireOperands(1, 1);
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.count == y.count && x.dtype == y.dtype && x.rank() >= 2, "operand and result differ");
  args.require(x.channels() < int64_t{1} << 30, "has too many channels");
  const int c = static_cast<int>(x.channels());
  const int64_t rows = x.count / c;
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    if (c > ROW) return launch(args, softmaxGroupKernel<T>, gridFor(rows * lanesOf(c)), BLOCK, 0, x.as<T>(), rows, c, lanesOf(c), y.as<T>());
    withRow(c, [&](auto k) { launch(args, softmaxRowKernel<decltype(k)::value, T>, gridFor(rows), BLOCK, 0, x.as<T>(), rows, c, y.as<T>()); });
  });
}

}  // namespace revoxel::ops
