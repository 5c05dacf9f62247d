// orthogonalGrad: reverse rule of orthogonal, matrix by matrix in float64.
#include "../core/parallel.h"
#include "ops.h"
#include "small-matrix.h"

namespace revoxel::ops {

namespace {

/** da = L(A^T, dQ): the upper right block of exp([[A^T, dQ], [0, A^T]]). */
void exponentialGrad(const float* w, const double* dq, double* da, int64_t n, double* work) {
  const int64_t wide = 2 * n;
  double *const a = work, *const result = a + wide * wide;
  // It is linear in dQ: a small one does not add to the squarings that A needs.
  const double size = norm1(dq, n), unit = size == 0 ? 1.0 : size;
  skewOf(w, da, n);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < n; j++) {
      a[i * wide + j] = a[(i + n) * wide + n + j] = da[j * n + i];
      a[i * wide + n + j] = dq[i * n + j] / unit;
      a[(i + n) * wide + j] = 0;
    }
  }
  exponential(a, result, wide, result + wide * wide);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < n; j++) da[i * n + j] = unit * result[i * wide + n + j];
  }
}

void transposeInPlace(double* m, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = i + 1; j < n; j++) std::swap(m[i * n + j], m[j * n + i]);
  }
}

/** da = -2 (I - A)^-1 dQ (I - A)^-1. */
void cayleyGrad(const float* w, const double* dq, double* da, int64_t n, double* work) {
  const int64_t nn = n * n;
  double *const m = work, *const again = m + nn;
  skewOf(w, m, n);
  for (int64_t i = 0; i < nn; i++) {
    m[i] = (i % (n + 1) == 0 ? 1.0 : 0.0) - m[i];
    again[i] = m[i];
    da[i] = -2 * dq[i];
  }
  solveInPlace(m, da, n);
  // X M^-1 is the transpose of M^-T X^T.
  transposeInPlace(da, n);
  transposeInPlace(again, n);
  solveInPlace(again, da, n);
  transposeInPlace(da, n);
}

/** By the chain of rotations, backwards: `before` is their product up to the present one, g the gradient there. */
void rotationsGrad(const float* angles, double* g, float* dAngles, int64_t n, double* before) {
  rotations(angles, before, n);
  int64_t at = n * (n - 1) / 2;
  for (int64_t i = n; i-- > 0;) {
    for (int64_t j = n; j-- > i + 1;) {
      const double angle = static_cast<double>(angles[--at]);
      const double cos = std::cos(angle), sin = std::sin(angle);
      double sum = 0;
      // The derivative of a rotated pair (a, b) is (-b, a).
      for (int64_t k = 0; k < n; k++) sum += g[j * n + k] * before[i * n + k] - g[i * n + k] * before[j * n + k];
      dAngles[at] = static_cast<float>(sum);
      rotateRows(before, n, i, j, cos, -sin);
      rotateRows(g, n, i, j, cos, -sin);
    }
  }
}

}  // namespace

void orthogonalGrad(const Args& args) {
  args.requireOperands(2, 1);
  const auto& attrs = args.attrs<OrthogonalGradAttrs>();
  const Tensor &w = args.in[0], &dq = args.in[1], &dw = args.out[0];
  const int64_t n = attrs.size, nn = n * n, count = dq.size(0);
  const int64_t numbers = attrs.kind == OrthogonalKind::givens ? n * (n - 1) / 2 : nn;
  args.require(dq.count == count * nn && w.count == count * numbers && dw.count == w.count && w.dtype == DType::f32 && dq.dtype == DType::f32, "operands and result do not fit the size");
  const int64_t parts = args.threads < count ? args.threads : count;
  double* const scratch = args.scratchOf<double>(parts * ORTHOGONAL_GRAD_MATRICES * nn);
  parallelParts(args.threads, parts, [&](int64_t part) {
    double* const g = scratch + part * ORTHOGONAL_GRAD_MATRICES * nn;
    double *const da = g + nn, *const work = da + nn;
    const Share share = shareOf(count, part, parts);
    for (int64_t c = share.begin; c < share.end; c++) {
      const float* const free = w.f32() + c * numbers;
      float* const to = dw.f32() + c * numbers;
      for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) g[i * n + j] = static_cast<double>(dq.f32()[c * nn + j * n + i]);
      }
      if (attrs.kind == OrthogonalKind::givens) {
        rotationsGrad(free, g, to, n, da);
        continue;
      }
      if (attrs.kind == OrthogonalKind::exp) exponentialGrad(free, g, da, n, work);
      else cayleyGrad(free, g, da, n, work);
      for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) to[j * n + i] = static_cast<float>(da[i * n + j] - da[j * n + i]);
      }
    }
  });
}

}  // namespace revoxel::ops
