// orthogonalGrad: reverse rule of orthogonal, a block of threads for each matrix, in float64.
#include "../kernels/small-matrix.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** Matrices of work memory: two, and those of the derivative of the exponential, which works with matrices of twice the size. Mirrored in src/scratch/streams.ts. */
constexpr int64_t MATRICES = 2 + 4 * (2 + matrices::EXPONENTIAL_WORK);

/** da = L(A^T, dQ): the upper right block of exp([[A^T, dQ], [0, A^T]]). */
__device__ void exponentialGrad(const float* w, const double* dq, double* da, int n, double* work) {
  const int wide = 2 * n;
  double *const a = work, *const result = a + wide * wide;
  // It is linear in dQ: a small one does not add to the squarings that A needs.
  const double size = matrices::norm1(dq, n, result), unit = size == 0 ? 1.0 : size;
  matrices::skewOf(w, da, n);
  matrices::eachEntry(n, [&](int row, int column, int i) {
    a[row * wide + column] = a[(row + n) * wide + n + column] = da[column * n + row];
    a[row * wide + n + column] = dq[i] / unit;
    a[(row + n) * wide + column] = 0;
  });
  matrices::exponential(a, result, wide, result + wide * wide);
  matrices::eachEntry(n, [&](int row, int column, int i) { da[i] = unit * result[row * wide + n + column]; });
}

__device__ void transposeInPlace(double* m, int n) {
  matrices::eachEntry(n, [&](int row, int column, int i) {
    if (row >= column) return;
    const double upper = m[i];
    m[i] = m[column * n + row];
    m[column * n + row] = upper;
  });
}

/** da = -2 (I - A)^-1 dQ (I - A)^-1. */
__device__ void cayleyGrad(const float* w, const double* dq, double* da, int n, double* work) {
  double *const m = work, *const again = m + n * n;
  matrices::skewOf(w, m, n);
  matrices::eachEntry(n, [&](int row, int column, int i) {
    m[i] = (row == column ? 1.0 : 0.0) - m[i];
    again[i] = m[i];
    da[i] = -2 * dq[i];
  });
  matrices::solveInPlace(m, da, n);
  // X M^-1 is the transpose of M^-T X^T.
  transposeInPlace(da, n);
  transposeInPlace(again, n);
  matrices::solveInPlace(again, da, n);
  transposeInPlace(da, n);
}

/** By the chain of rotations, backwards: `before` is their product up to the present one, g the gradient there. One warp. */
__device__ void rotationsGrad(const float* angles, double* g, float* dAngles, int n, double* before) {
  matrices::rotations(angles, before, n);
  int at = n * (n - 1) / 2;
  for (int i = n - 1; i >= 0; i--) {
    for (int j = n - 1; j > i; j--) {
      const double angle = static_cast<double>(angles[--at]);
      const double cosine = cos(angle), sine = sin(angle);
      double sum = 0;
      // The derivative of a rotated pair (a, b) is (-b, a).
      for (int k = static_cast<int>(threadIdx.x); k < n; k += 32) sum += g[j * n + k] * before[i * n + k] - g[i * n + k] * before[j * n + k];
      for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
      if (threadIdx.x == 0) dAngles[at] = static_cast<float>(sum);
      matrices::rotateRows(before, n, i, j, cosine, -sine);
      matrices::rotateRows(g, n, i, j, cosine, -sine);
    }
  }
}

template <OrthogonalKind kind>
__global__ void __launch_bounds__(256) orthogonalGradKernel(const float* w, const float* dq, float* dw, int64_t count, int n, double* scratch) {
  DYN_SHARED_ARRAY(double, shared);
  const int nn = n * n;
  double* const g = scratch ? scratch + blockIdx.x * MATRICES * nn : shared;
  double *const da = g + nn, *const work = da + nn;
  for (int64_t c = blockIdx.x; c < count; c += gridDim.x) {
    // Tensors of rank 3 have axis 1, the row, last in memory.
    matrices::eachEntry(n, [&](int column, int row, int i) { g[row * n + column] = static_cast<double>(dq[c * nn + i]); });
    if (kind == OrthogonalKind::givens) {
      const int64_t at = c * (nn - n) / 2;
      rotationsGrad(w + at, g, dw + at, n, da);
      __syncthreads();
      continue;
    }
    if (kind == OrthogonalKind::exp) exponentialGrad(w + c * nn, g, da, n, work);
    else cayleyGrad(w + c * nn, g, da, n, work);
    matrices::eachEntry(n, [&](int column, int row, int i) { dw[c * nn + i] = static_cast<float>(da[row * n + column] - da[column * n + row]); });
  }
}

}  // namespace

void orthogonalGrad(const Args& args) {
  args.requireOperands(2, 1);
  const auto& attrs = args.attrs<OrthogonalGradAttrs>();
  const Tensor &w = args.in[0], &dq = args.in[1], &dw = args.out[0];
  const int64_t n = attrs.size, nn = n * n, count = dq.size(0);
  const bool givens = attrs.kind == OrthogonalKind::givens;
  args.require(n > 0 && n < 8192 && dq.count == count * nn && w.count == count * (givens ? (nn - n) / 2 : nn) && dw.count == w.count, "operands and result do not fit the size");
  args.require(w.dtype == DType::f32 && dq.dtype == DType::f32 && dw.dtype == DType::f32, "expects f32");
  const auto work = matrices::Work::of(args, count, MATRICES * nn);
  const auto run = [&](auto kernel) { launch(args, kernel, dim3(static_cast<unsigned>(work.blocks)), givens ? 32 : matrices::threadsFor(2 * n), work.shared, w.f32(), dq.f32(), dw.f32(), count, static_cast<int>(n), work.scratch); };
  switch (attrs.kind) {
    case OrthogonalKind::exp: return run(orthogonalGradKernel<OrthogonalKind::exp>);
    case OrthogonalKind::cayley: return run(orthogonalGradKernel<OrthogonalKind::cayley>);
    case OrthogonalKind::givens: return run(orthogonalGradKernel<OrthogonalKind::givens>);
  }
}

}  // namespace revoxel::ops
