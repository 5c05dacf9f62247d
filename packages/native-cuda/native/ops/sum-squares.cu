// sumSquares: sum of squares of all operands in float64. The operands are cut into chunks of one size, a block sums each,
// and one block adds the chunks' sums in order. A network has hundreds of small operands: many share a launch.
#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** Elements of a block; mirrored in src/scratch/reduction.ts. */
constexpr int64_t CHUNK = 16384;
/** Operands of a launch: their table is a kernel argument. */
constexpr int TABLE = 128;

struct Operands {
  const void* data[TABLE];
  int64_t count[TABLE];
  /** First block of each, and the end. */
  int firstBlock[TABLE + 1];
  DType dtype[TABLE];
  int operands;
};

struct Sums {
  double of[BLOCK];
};

/** Sum over the block's threads in a fixed order, for thread 0. */
__device__ double sumOfBlock(Sums& sums, double sum) {
  const int t = static_cast<int>(threadIdx.x);
  sums.of[t] = sum;
  for (int half = BLOCK / 2; half > 0; half /= 2) {
    __syncthreads();
    if (t < half) sums.of[t] += sums.of[t + half];
  }
  return sums.of[0];
}

template <class T>
__device__ __forceinline__ double squares(const T* x, int64_t n) {
  constexpr int N = PACK<T>;
  const int64_t packs = n / N;
  double sum = 0;
#pragma unroll 4
  for (int64_t p = threadIdx.x; p < packs; p += BLOCK) {
    const Pack<T, N> pack = loadPack<T, N>(x + p * N);
#pragma unroll
    for (int k = 0; k < N; k++) {
      const double v = toFloat(pack.at[k]);
      sum += v * v;
    }
  }
  for (int64_t i = packs * N + threadIdx.x; i < n; i += BLOCK) {
    const double v = toFloat(x[i]);
    sum += v * v;
  }
  return sum;
}

__global__ void __launch_bounds__(BLOCK) sumSquaresKernel(const Operands table, double* partial) {
  SHARED_STRUCT(Sums, sums);
  const int block = static_cast<int>(blockIdx.x);
  int low = 0, high = table.operands;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (table.firstBlock[middle] <= block) low = middle;
    else high = middle;
  }
  const int64_t begin = (block - table.firstBlock[low]) * CHUNK;
  const int64_t left = table.count[low] - begin, n = left < CHUNK ? left : CHUNK;
  const void* const data = table.data[low];
  double own;
  if (table.dtype[low] == DType::bf16) own = squares(static_cast<const Bf16*>(data) + begin, n);
  else if (table.dtype[low] == DType::f16) own = squares(static_cast<const F16*>(data) + begin, n);
  else own = squares(static_cast<const float*>(data) + begin, n);
  const double sum = sumOfBlock(sums, own);
  if (threadIdx.x == 0) partial[block] = sum;
}

__global__ void __launch_bounds__(BLOCK) sumSquaresFinishKernel(const double* partial, int64_t parts, float* y) {
  SHARED_STRUCT(Sums, sums);
  double own = 0;
  for (int64_t i = threadIdx.x; i < parts; i += BLOCK) own += partial[i];
  const double sum = sumOfBlock(sums, own);
  if (threadIdx.x == 0) y[0] = static_cast<float>(sum);
}

}  // namespace

void sumSquares(const Args& args) {
  args.require(!args.in.empty() && args.out.size() == 1 && args.out[0].dtype == DType::f32, "expects operands and one f32 result");
  int64_t parts = 0;
  for (const Tensor& x : args.in) parts += ceilDiv(x.count, CHUNK);
  double* const partial = args.scratchOf<double>(parts);
  int64_t done = 0;
  for (size_t first = 0; first < args.in.size(); first += TABLE) {
    Operands table{};
    table.operands = static_cast<int>(std::min<size_t>(args.in.size() - first, TABLE));
    int64_t blocks = 0;
    for (int k = 0; k < table.operands; k++) {
      const Tensor& x = args.in[first + static_cast<size_t>(k)];
      args.require(isFloat(x.dtype), "expects floats");
      table.data[k] = x.data;
      table.count[k] = x.count;
      table.dtype[k] = x.dtype;
      table.firstBlock[k] = static_cast<int>(blocks);
      blocks += ceilDiv(x.count, CHUNK);
    }
    args.require(blocks < INT32_MAX, "too many elements");
    table.firstBlock[table.operands] = static_cast<int>(blocks);
    if (blocks > 0) launch(args, sumSquaresKernel, static_cast<unsigned>(blocks), BLOCK, 0, table, partial + done);
    done += blocks;
  }
  launch(args, sumSquaresFinishKernel, 1, BLOCK, 0, static_cast<const double*>(partial), parts, args.out[0].f32());
}

}  // namespace revoxel::ops
