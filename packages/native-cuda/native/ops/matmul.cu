// matmul: [M, K] x [K, N], either transposed, summed in fp32 over K in order. Tiles of TILE x TILE results in shared
// memory, 4 x 4 results a thread.
#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

constexpr int TILE = 64, DEPTH = 16, MINE = 4, SIDE = TILE / MINE;

/** A matrix with rows and columns of a product; `rowStep` and `columnStep` in elements. */
template <class T>
struct Matrix {
  const T* data;
  int64_t rows, columns, rowStep, columnStep;
};

struct __align__(16) Tiles {
  // One more pack a row: stores of a transposed tile then meet different banks.
  float a[DEPTH][TILE + 4], b[DEPTH][TILE + 4];
};

/** to[k][i] = from(first + i, k0 + k), zero outside; `along`: threads follow k, which is contiguous, else i. */
template <class T>
__device__ __forceinline__ void loadTile(float (&to)[DEPTH][TILE + 4], const T* from, int64_t first, int64_t count, int64_t step, int64_t k0, int64_t depth, int64_t depthStep, bool along) {
#pragma unroll
  for (int part = 0; part < TILE * DEPTH / BLOCK; part++) {
    const int place = part * BLOCK + static_cast<int>(threadIdx.x);
    const int k = along ? place % DEPTH : place / TILE, i = along ? place / DEPTH : place % TILE;
    const bool inside = first + i < count && k0 + k < depth;
    to[k][i] = inside ? toFloat(from[(first + i) * step + (k0 + k) * depthStep]) : 0.0f;
  }
}

template <class T>
__global__ void __launch_bounds__(BLOCK) matmulKernel(const Matrix<T> a, const Matrix<T> b, T* y) {
  SHARED_STRUCT(Tiles, tiles);
  const int64_t row0 = static_cast<int64_t>(blockIdx.y) * TILE, column0 = static_cast<int64_t>(blockIdx.x) * TILE;
  const int row = static_cast<int>(threadIdx.x) / SIDE * MINE, column = static_cast<int>(threadIdx.x) % SIDE * MINE;
  float sums[MINE][MINE] = {};
  for (int64_t k0 = 0; k0 < a.columns; k0 += DEPTH) {
    loadTile(tiles.a, a.data, row0, a.rows, a.rowStep, k0, a.columns, a.columnStep, a.columnStep == 1);
    loadTile(tiles.b, b.data, column0, b.columns, b.columnStep, k0, b.rows, b.rowStep, b.rowStep == 1);
    __syncthreads();
#pragma unroll 4
    for (int k = 0; k < DEPTH; k++) {
      const Pack<float, MINE> p = loadPack<float, MINE>(&tiles.a[k][row]), q = loadPack<float, MINE>(&tiles.b[k][column]);
#pragma unroll
      for (int i = 0; i < MINE; i++) {
#pragma unroll
        for (int j = 0; j < MINE; j++) sums[i][j] += p.at[i] * q.at[j];
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < MINE; i++) {
#pragma unroll
    for (int j = 0; j < MINE; j++) {
      if (row0 + row + i < a.rows && column0 + column + j < b.columns) y[(row0 + row + i) * b.columns + column0 + column + j] = fromFloat<T>(sums[i][j]);
    }
  }
}

}  // namespace

void matmul(const Args& args) {
  args.requireOperands(2, 1);
  const auto& attrs = args.attrs<MatmulAttrs>();
  const Tensor &a = args.in[0], &b = args.in[1], &y = args.out[0];
  args.require(a.rank() == 2 && b.rank() == 2 && y.rank() == 2, "expects matrices");
  const int64_t m = y.size(0), n = y.size(1), k = a.size(attrs.transposeA ? 0 : 1);
  args.require(a.count == m * k && b.count == k * n && a.size(attrs.transposeA ? 1 : 0) == m && b.size(attrs.transposeB ? 0 : 1) == n, "sizes do not fit");
  args.require(a.dtype == y.dtype && b.dtype == y.dtype, "operands and result differ in dtype");
  withFloat(y.dtype, [&](auto type) {
    using T = decltype(type);
    const Matrix<T> left{a.as<T>(), m, k, attrs.transposeA ? 1 : k, attrs.transposeA ? m : 1};
    const Matrix<T> right{b.as<T>(), k, n, attrs.transposeB ? 1 : n, attrs.transposeB ? k : 1};
    launch(args, matmulKernel<T>, dim3(static_cast<unsigned>(ceilDiv(n, TILE)), static_cast<unsigned>(ceilDiv(m, TILE))), BLOCK, 0, left, right, y.as<T>());
  });
}

}  // namespace revoxel::ops
