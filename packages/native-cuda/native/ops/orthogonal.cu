// orthogonal: orthogonal matrices from free numbers, a block of threads for each, in float64.
#include "../kernels/small-matrix.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** Matrices of work memory; mirrored in src/scratch/streams.ts. */
constexpr int64_t MATRICES = 2 + matrices::EXPONENTIAL_WORK;

template <OrthogonalKind kind>
__global__ void __launch_bounds__(256) orthogonalKernel(const float* w, float* q, int64_t count, int n, double* scratch) {
  DYN_SHARED_ARRAY(double, shared);
  const int nn = n * n;
  double* const a = scratch ? scratch + blockIdx.x * MATRICES * nn : shared;
  double *const result = a + nn, *const work = result + nn;
  for (int64_t c = blockIdx.x; c < count; c += gridDim.x) {
    if (kind == OrthogonalKind::givens) {
      matrices::rotations(w + c * (nn - n) / 2, result, n);
      __syncthreads();
    } else {
      matrices::skewOf(w + c * nn, a, n);
    }
    if (kind == OrthogonalKind::exp) matrices::exponential(a, result, n, work);
    if (kind == OrthogonalKind::cayley) {
      matrices::eachEntry(n, [&](int row, int column, int i) {
        const double one = row == column ? 1.0 : 0.0;
        result[i] = one - a[i];
        a[i] += one;
      });
      matrices::solveInPlace(a, result, n);
    }
    // Tensors of rank 3 have axis 1, the row, last in memory.
    matrices::eachEntry(n, [&](int column, int row, int i) { q[c * nn + i] = static_cast<float>(result[row * n + column]); });
  }
}

}  // namespace

void orthogonal(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<OrthogonalAttrs>();
  const Tensor &w = args.in[0], &q = args.out[0];
  const int64_t n = attrs.size, nn = n * n, count = q.size(0);
  const bool givens = attrs.kind == OrthogonalKind::givens;
  args.require(n > 0 && n < 16384 && q.count == count * nn && w.count == count * (givens ? (nn - n) / 2 : nn) && w.dtype == DType::f32 && q.dtype == DType::f32, "operand and result do not fit the size");
  const auto work = matrices::Work::of(args, count, MATRICES * nn);
  const auto run = [&](auto kernel) { launch(args, kernel, dim3(static_cast<unsigned>(work.blocks)), givens ? 32 : matrices::threadsFor(n), work.shared, w.f32(), q.f32(), count, static_cast<int>(n), work.scratch); };
  switch (attrs.kind) {
    case OrthogonalKind::exp: return run(orthogonalKernel<OrthogonalKind::exp>);
    case OrthogonalKind::cayley: return run(orthogonalKernel<OrthogonalKind::cayley>);
    case OrthogonalKind::givens: return run(orthogonalKernel<OrthogonalKind::givens>);
  }
}

}  // namespace revoxel::ops
