// matmul: [M, K] x [K, N]. Four rows of the result at a time, in chunks of N, summed in fp32 over K in order. The second
// operand is read row by row; a transposed one is gathered into a panel of the chunk's columns first.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** Columns of a chunk, and steps along K of a gathered panel. */
constexpr int64_t COLUMNS = 256;
constexpr int64_t PANEL = 32;

/** acc[r][j] += a[r][k] * b[k][j] for four rows. */
REVOXEL_CLONES void rows4(const float* a, const float* b, int64_t bStride, int64_t k, int64_t n, float* acc) {
  for (int64_t step = 0; step < k; step++) {
    const float *const row = b + step * bStride;
    const float a0 = a[step], a1 = a[PANEL + step], a2 = a[2 * PANEL + step], a3 = a[3 * PANEL + step];
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
      acc[j] += a0 * row[j];
      acc[COLUMNS + j] += a1 * row[j];
      acc[2 * COLUMNS + j] += a2 * row[j];
      acc[3 * COLUMNS + j] += a3 * row[j];
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
  args.require(a.count == m * k && b.count == k * n, "sizes do not fit");
  const int64_t bands = (m + 3) / 4, columns = (n + COLUMNS - 1) / COLUMNS;
  parallelRange(args.threads, bands * columns, 4 * k * (n < COLUMNS ? n : COLUMNS) / 8 + 1, [&](int64_t begin, int64_t end) {
    float acc[4 * COLUMNS], as[4 * PANEL], panel[PANEL * COLUMNS];
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t row = unit / columns * 4, rows = m - row < 4 ? m - row : 4;
      const int64_t col = unit % columns * COLUMNS, width = n - col < COLUMNS ? n - col : COLUMNS;
      for (float& value : acc) value = 0.0f;
      for (int64_t k0 = 0; k0 < k; k0 += PANEL) {
        const int64_t depth = k - k0 < PANEL ? k - k0 : PANEL;
        for (int64_t r = 0; r < 4; r++) {
          for (int64_t s = 0; s < depth; s++) {
            as[r * PANEL + s] = r < rows ? loadOne(a, attrs.transposeA ? (k0 + s) * m + row + r : (row + r) * k + k0 + s) : 0.0f;
          }
        }
        const float* source = b.f32() + k0 * n + col;
        int64_t stride = n;
        if (attrs.transposeB || b.dtype == DType::bf16) {
          for (int64_t j = 0; j < width; j++) {
            for (int64_t s = 0; s < depth; s++) panel[s * COLUMNS + j] = loadOne(b, attrs.transposeB ? (col + j) * k + k0 + s : (k0 + s) * n + col + j);
          }
          source = panel;
          stride = COLUMNS;
        }
        rows4(as, source, stride, depth, width, acc);
      }
      for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < width; j++) storeOne(y, (row + r) * n + col + j, acc[r * COLUMNS + j]);
      }
    }
  });
}

}  // namespace revoxel::ops
