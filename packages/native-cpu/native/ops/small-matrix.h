/**
 * Small square matrices in float64, row-major, in memory that the caller gives: products, equations, the exponential.
 * Source of the exponential: Higham 2005, The scaling and squaring method for the matrix exponential revisited,
 * algorithm 2.3 with the approximant of degree 13.
 */
#pragma once

#include <cmath>
#include <cstdint>
#include <utility>

namespace revoxel::ops {

/** out = a b; out is neither. */
inline void multiplyMatrices(const double* a, const double* b, double* out, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double* const row = out + i * n;
    for (int64_t j = 0; j < n; j++) row[j] = 0;
    for (int64_t k = 0; k < n; k++) {
      const double factor = a[i * n + k];
      for (int64_t j = 0; j < n; j++) row[j] += factor * b[k * n + j];
    }
  }
}

/** b becomes a^-1 b, by elimination with partial pivoting; a is used up. */
inline void solveInPlace(double* a, double* b, int64_t n) {
  for (int64_t column = 0; column < n; column++) {
    int64_t pivot = column;
    for (int64_t i = column + 1; i < n; i++) {
      if (std::fabs(a[i * n + column]) > std::fabs(a[pivot * n + column])) pivot = i;
    }
    if (pivot != column) {
      for (int64_t k = 0; k < n; k++) {
        std::swap(a[pivot * n + k], a[column * n + k]);
        std::swap(b[pivot * n + k], b[column * n + k]);
      }
    }
    for (int64_t i = column + 1; i < n; i++) {
      const double factor = a[i * n + column] / a[column * n + column];
      for (int64_t k = column; k < n; k++) a[i * n + k] -= factor * a[column * n + k];
      for (int64_t k = 0; k < n; k++) b[i * n + k] -= factor * b[column * n + k];
    }
  }
  for (int64_t i = n; i-- > 0;) {
    for (int64_t j = i + 1; j < n; j++) {
      const double factor = a[i * n + j];
      for (int64_t k = 0; k < n; k++) b[i * n + k] -= factor * b[j * n + k];
    }
    for (int64_t k = 0; k < n; k++) b[i * n + k] /= a[i * n + i];
  }
}

/** Largest sum of magnitudes of a column. */
inline double norm1(const double* a, int64_t n) {
  double largest = 0;
  for (int64_t j = 0; j < n; j++) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += std::fabs(a[i * n + j]);
    if (!(sum <= largest)) largest = sum;
  }
  return largest;
}

/** Matrices of work memory of `exponential`. */
constexpr int64_t EXPONENTIAL_WORK = 7;

/** out = exp(a); a is used up. */
inline void exponential(double* a, double* out, int64_t n, double* work) {
  static constexpr double b[14] = {64764752532480000., 32382376266240000., 7771770303897600., 1187353796428800., 129060195264000., 10559470521600., 670442572800., 33522128640., 1323241920., 40840800., 960960., 16380., 182., 1.};
  const int64_t nn = n * n;
  const double norm = norm1(a, n);
  int squarings = 0;
  // A norm that is not finite gives NaN below, whatever the scale.
  while (squarings < 1100 && std::ldexp(norm, -squarings) > 5.371920351148152 && std::isfinite(norm)) squarings++;
  for (int64_t i = 0; i < nn; i++) a[i] = std::ldexp(a[i], -squarings);
  double *const a2 = work, *const a4 = a2 + nn, *const a6 = a4 + nn, *const high = a6 + nn, *const low = high + nn, *const odd = low + nn, *const even = odd + nn;
  multiplyMatrices(a, a, a2, n);
  multiplyMatrices(a2, a2, a4, n);
  multiplyMatrices(a4, a2, a6, n);
  const auto sum = [&](double c6, double c4, double c2, double c0, double* to) {
    for (int64_t i = 0; i < nn; i++) to[i] = c6 * a6[i] + c4 * a4[i] + c2 * a2[i] + (i % (n + 1) == 0 ? c0 : 0.0);
  };
  const auto add = [&](double* to, const double* from) {
    for (int64_t i = 0; i < nn; i++) to[i] += from[i];
  };
  sum(b[13], b[11], b[9], 0, high);
  multiplyMatrices(a6, high, low, n);
  sum(b[7], b[5], b[3], b[1], high);
  add(low, high);
  multiplyMatrices(a, low, odd, n);
  sum(b[12], b[10], b[8], 0, high);
  multiplyMatrices(a6, high, even, n);
  sum(b[6], b[4], b[2], b[0], high);
  add(even, high);
  for (int64_t i = 0; i < nn; i++) {
    high[i] = even[i] - odd[i];
    out[i] = even[i] + odd[i];
  }
  solveInPlace(high, out, n);
  for (int i = 0; i < squarings; i++) {
    multiplyMatrices(out, out, high, n);
    for (int64_t j = 0; j < nn; j++) out[j] = high[j];
  }
}

/** Rows i and j of m become cos m_i - sin m_j and sin m_i + cos m_j. */
inline void rotateRows(double* m, int64_t n, int64_t i, int64_t j, double cos, double sin) {
  for (int64_t k = 0; k < n; k++) {
    const double a = m[i * n + k], b = m[j * n + k];
    m[i * n + k] = cos * a - sin * b;
    m[j * n + k] = sin * a + cos * b;
  }
}

/** The product of the rotations by the angles of all pairs, the first one applied first. */
inline void rotations(const float* angles, double* q, int64_t n) {
  for (int64_t i = 0; i < n * n; i++) q[i] = i % (n + 1) == 0 ? 1.0 : 0.0;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = i + 1; j < n; j++) {
      const double angle = static_cast<double>(*angles++);
      rotateRows(q, n, i, j, std::cos(angle), std::sin(angle));
    }
  }
}

/** to = W - W^T of free numbers. Tensors of rank 3 have axis 1, the row, last in memory. */
inline void skewOf(const float* w, double* to, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < n; j++) to[i * n + j] = static_cast<double>(w[j * n + i]) - static_cast<double>(w[i * n + j]);
  }
}

/** Matrices of scratch per thread; mirrored in src/scratch.ts. */
constexpr int64_t ORTHOGONAL_MATRICES = 2 + EXPONENTIAL_WORK;
/** Two, and those of the derivative of the exponential, which works with matrices of twice the size. */
constexpr int64_t ORTHOGONAL_GRAD_MATRICES = 2 + 4 * (2 + EXPONENTIAL_WORK);

}  // namespace revoxel::ops
