/**
 * Small square matrices in float64, row-major, by one block of threads; the memory is given. Every function leaves its
 * result visible to all threads, and all threads must call it. Source of the exponential: Higham 2005, The scaling and
 * squaring method for the matrix exponential revisited, algorithm 2.3 with the approximant of degree 13.
 */
#pragma once

#include "launch.cuh"

namespace revoxel::matrices {

/** body(i) for i below n, shared out among the threads; a barrier at the end. */
template <class Body>
__device__ __forceinline__ void eachOf(int n, const Body& body) {
  for (int i = static_cast<int>(threadIdx.x); i < n; i += static_cast<int>(blockDim.x)) body(i);
  __syncthreads();
}

/** body(row, column, i) for the entries of an n x n matrix. */
template <class Body>
__device__ __forceinline__ void eachEntry(int n, const Body& body) {
  eachOf(n * n, [&](int i) { body(i / n, i % n, i); });
}

/** out = a b; out is neither. */
__device__ inline void multiply(const double* a, const double* b, double* out, int n) {
  eachEntry(n, [&](int row, int column, int i) {
    double sum = 0;
    for (int k = 0; k < n; k++) sum += a[row * n + k] * b[k * n + column];
    out[i] = sum;
  });
}

/** The row from `column` on with the largest magnitude in that column, the first one of several. By warp 0, for all. */
__device__ inline int pivotOf(const double* a, int n, int column) {
  SHARED_STRUCT(int, pivot);
  if (threadIdx.x < 32) {
    int best = column;
    double size = fabs(a[column * n + column]);
    for (int i = column + 1 + static_cast<int>(threadIdx.x); i < n; i += 32) {
      const double other = fabs(a[i * n + column]);
      if (other > size) {
        size = other;
        best = i;
      }
    }
    for (int lanes = 16; lanes > 0; lanes /= 2) {
      const double other = __shfl_xor_sync(0xffffffffu, size, lanes);
      const int row = __shfl_xor_sync(0xffffffffu, best, lanes);
      if (other > size || (other == size && row < best)) {
        size = other;
        best = row;
      }
    }
    if (threadIdx.x == 0) pivot = best;
  }
  __syncthreads();
  const int row = pivot;
  // Before the next call writes it.
  __syncthreads();
  return row;
}

/** b becomes a^-1 b, by elimination with partial pivoting; a is used up. */
__device__ inline void solveInPlace(double* a, double* b, int n) {
  for (int column = 0; column < n; column++) {
    const int pivot = pivotOf(a, n, column);
    if (pivot != column) {
      eachOf(2 * n, [&](int i) {
        double* const m = i < n ? a : b;
        const int k = i < n ? i : i - n;
        const double upper = m[column * n + k];
        m[column * n + k] = m[pivot * n + k];
        m[pivot * n + k] = upper;
      });
    }
    // Column `column` itself keeps what the factors are made of: nothing reads it again.
    const int rest = n - column - 1;
    eachOf(rest * 2 * n, [&](int i) {
      const int row = column + 1 + i / (2 * n), place = i % (2 * n), k = place < n ? place : place - n;
      if (place <= column) return;
      double* const m = place < n ? a : b;
      m[row * n + k] -= a[row * n + column] / a[column * n + column] * m[column * n + k];
    });
  }
  // From the last row up: what is known is taken from the rows above; the division by the diagonal comes last.
  for (int row = n - 1; row > 0; row--) {
    eachOf(row * n, [&](int i) {
      const int above = i / n, k = i % n;
      b[above * n + k] -= a[above * n + row] * (b[row * n + k] / a[row * n + row]);
    });
  }
  eachEntry(n, [&](int row, int, int i) { b[i] /= a[row * n + row]; });
}

/** Largest sum of magnitudes of a column, for all threads. `work`: n numbers. */
__device__ inline double norm1(const double* a, int n, double* work) {
  eachOf(n, [&](int column) {
    double sum = 0;
    for (int row = 0; row < n; row++) sum += fabs(a[row * n + column]);
    work[column] = sum;
  });
  double largest = 0;
  for (int column = 0; column < n; column++) {
    if (!(work[column] <= largest)) largest = work[column];
  }
  __syncthreads();
  return largest;
}

/** Matrices of work memory of `exponential`. */
constexpr int EXPONENTIAL_WORK = 7;

/** out = exp(a); a is used up. */
__device__ inline void exponential(double* a, double* out, int n, double* work) {
  const int nn = n * n;
  double *const a2 = work, *const a4 = a2 + nn, *const a6 = a4 + nn, *const high = a6 + nn, *const low = high + nn, *const odd = low + nn, *const even = odd + nn;
  double norm = norm1(a, n, work);
  int squarings = 0;
  // A norm that is not finite gives NaN below, whatever the scale.
  while (norm > 5.371920351148152 && norm <= 1.7976931348623157e308) {
    norm *= 0.5;
    squarings++;
  }
  const double scale = ldexp(1.0, -squarings);
  eachOf(nn, [&](int i) { a[i] *= scale; });
  multiply(a, a, a2, n);
  multiply(a2, a2, a4, n);
  multiply(a4, a2, a6, n);
  const auto sum = [&](double c6, double c4, double c2, double c0, double* to) {
    eachEntry(n, [&](int row, int column, int i) { to[i] = c6 * a6[i] + c4 * a4[i] + c2 * a2[i] + (row == column ? c0 : 0.0); });
  };
  const auto add = [&](double* to, const double* from) {
    eachOf(nn, [&](int i) { to[i] += from[i]; });
  };
  sum(1., 16380., 40840800., 0, high);
  multiply(a6, high, low, n);
  sum(33522128640., 10559470521600., 1187353796428800., 32382376266240000., high);
  add(low, high);
  multiply(a, low, odd, n);
  sum(182., 960960., 1323241920., 0, high);
  multiply(a6, high, even, n);
  sum(670442572800., 129060195264000., 7771770303897600., 64764752532480000., high);
  add(even, high);
  eachOf(nn, [&](int i) {
    high[i] = even[i] - odd[i];
    out[i] = even[i] + odd[i];
  });
  solveInPlace(high, out, n);
  for (int i = 0; i < squarings; i++) {
    multiply(out, out, high, n);
    eachOf(nn, [&](int j) { out[j] = high[j]; });
  }
}

/** to = W - W^T of free numbers. Tensors of rank 3 have axis 1, the row, last in memory. */
__device__ inline void skewOf(const float* w, double* to, int n) {
  eachEntry(n, [&](int row, int column, int i) { to[i] = static_cast<double>(w[column * n + row]) - static_cast<double>(w[row * n + column]); });
}

/** Columns of rows i and j of m that belong to this lane become cos m_i - sin m_j and sin m_i + cos m_j. One warp. */
__device__ __forceinline__ void rotateRows(double* m, int n, int i, int j, double cos, double sin) {
  for (int k = static_cast<int>(threadIdx.x); k < n; k += 32) {
    const double a = m[i * n + k], b = m[j * n + k];
    m[i * n + k] = cos * a - sin * b;
    m[j * n + k] = sin * a + cos * b;
  }
}

/** The product of the rotations by the angles of all pairs, the first one applied first. One warp; lanes keep to columns. */
__device__ inline void rotations(const float* angles, double* q, int n) {
  for (int k = static_cast<int>(threadIdx.x); k < n; k += 32) {
    for (int row = 0; row < n; row++) q[row * n + k] = row == k ? 1.0 : 0.0;
  }
  for (int i = 0; i < n; i++) {
    for (int j = i + 1; j < n; j++) {
      const double angle = static_cast<double>(*angles++);
      rotateRows(q, n, i, j, cos(angle), sin(angle));
    }
  }
}

/** Work memory up to this many bytes is shared memory; more is scratch, for as many blocks as there are multiprocessors. Mirrored in src/scratch/streams.ts. */
constexpr int64_t SHARED_WORK = 40 * 1024;

/** Work memory of the matrices of a call. */
struct Work {
  int64_t bytes, blocks;
  double* scratch;
  size_t shared;

  static Work of(const Args& args, int64_t count, int64_t doubles) {
    const int64_t bytes = doubles * static_cast<int64_t>(sizeof(double)), blocks = std::min<int64_t>(count, args.device->multiprocessors);
    if (bytes <= SHARED_WORK) return {bytes, count, nullptr, static_cast<size_t>(bytes)};
    return {bytes, blocks, args.scratchOf<double>(blocks * doubles), 0};
  }
};

/** Threads for matrices of n rows. */
inline unsigned threadsFor(int64_t n) { return static_cast<unsigned>(std::min<int64_t>(256, ceilDiv(n * n, 32) * 32)); }

}  // namespace revoxel::matrices
