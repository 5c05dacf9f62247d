// orthogonal: orthogonal matrices from free numbers, one by one in float64.
#include "../core/parallel.h"
#include "ops.h"
#include "small-matrix.h"

namespace revoxel::ops {

void orthogonal(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<OrthogonalAttrs>();
  const Tensor &w = args.in[0], &q = args.out[0];
  const int64_t n = attrs.size, nn = n * n, count = q.size(0);
  const int64_t numbers = attrs.kind == OrthogonalKind::givens ? n * (n - 1) / 2 : nn;
  args.require(q.count == count * nn && w.count == count * numbers && w.dtype == DType::f32, "operand and result do not fit the size");
  const int64_t parts = args.threads < count ? args.threads : count;
  double* const scratch = args.scratchOf<double>(parts * ORTHOGONAL_MATRICES * nn);
  parallelParts(args.threads, parts, [&](int64_t part) {
    double* const a = scratch + part * ORTHOGONAL_MATRICES * nn;
    double *const result = a + nn, *const work = result + nn;
    const Share share = shareOf(count, part, parts);
    for (int64_t c = share.begin; c < share.end; c++) {
      const float* const free = w.f32() + c * numbers;
      switch (attrs.kind) {
        case OrthogonalKind::exp:
          skewOf(free, a, n);
          exponential(a, result, n, work);
          break;
        case OrthogonalKind::cayley:
          skewOf(free, a, n);
          for (int64_t i = 0; i < nn; i++) {
            const double one = i % (n + 1) == 0 ? 1.0 : 0.0;
            result[i] = one - a[i];
            a[i] += one;
          }
          solveInPlace(a, result, n);
          break;
        case OrthogonalKind::givens:
          rotations(free, result, n);
          break;
      }
      for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) q.f32()[c * nn + j * n + i] = static_cast<float>(result[i * n + j]);
      }
    }
  });
}

}  // namespace revoxel::ops
