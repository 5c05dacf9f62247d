// softmax over channels, stabilised by the row's maximum. Rows that fit a chunk are handled many at a time, so that the
// exponentials run over long flat arrays; longer rows are read three times. In place.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"
#include "softmax-rows.h"

namespace revoxel::ops {

namespace {

REVOXEL_CLONES void expRunLeaf(const float* x, float* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) y[i] = expLeaf(x[i]);
}

REVOXEL_CLONES void scaleRunLeaf(float* y, int64_t n, float factor) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) y[i] *= factor;
}

/** Largest of n floats; NaN if one is NaN. */
float largest(const float* x, int64_t n, float best) {
  for (int64_t i = 0; i < n; i++) best = (x[i] > best || x[i] != x[i]) ? x[i] : best;
  return best;
}

/** One row longer than a chunk. */
void softmaxLong(const Tensor& x, const Tensor& y, int64_t at, int64_t c) {
  float xs[CHUNK], es[CHUNK];
  const auto chunks = [&](const auto& body) {
    for (int64_t i = 0; i < c; i += CHUNK) body(at + i, c - i < CHUNK ? c - i : CHUNK);
  };
  float top = -std::numeric_limits<float>::infinity();
  chunks([&](int64_t i, int64_t n) { top = largest(loadChunk(x, i, n, xs), n, top); });
  const auto exponentials = [&](int64_t i, int64_t n) {
    const float* const row = loadChunk(x, i, n, xs);
    for (int64_t j = 0; j < n; j++) es[j] = row[j] - top;
    expRun(es, es, n);
  };
  double sum = 0;
  chunks([&](int64_t i, int64_t n) {
    exponentials(i, n);
    for (int64_t j = 0; j < n; j++) sum += static_cast<double>(es[j]);
  });
  const float factor = static_cast<float>(1.0 / sum);
  chunks([&](int64_t i, int64_t n) {
    exponentials(i, n);
    for (int64_t j = 0; j < n; j++) storeOne(y, i + j, es[j] * factor);
  });
}

}  // namespace

void expRun(const float* x, float* y, int64_t n) { expRunLeaf(x, y, n); }

namespace {

/** Maxima and differences of rows; C is the number of channels, or 0 for any (then `any`). */
template <int64_t C>
void shiftRows(const float* x, float* e, int64_t rows, int64_t any, float* maxima) {
  const int64_t c = C > 0 ? C : any;
  for (int64_t r = 0; r < rows; r++) {
    const float top = largest(x + r * c, c, -std::numeric_limits<float>::infinity());
    maxima[r] = top;
    for (int64_t k = 0; k < c; k++) e[r * c + k] = x[r * c + k] - top;
  }
}

template <int64_t C>
void sumRows(const float* e, int64_t rows, int64_t any, float* sums) {
  const int64_t c = C > 0 ? C : any;
  for (int64_t r = 0; r < rows; r++) {
    float sum = 0;
    for (int64_t k = 0; k < c; k++) sum += e[r * c + k];
    sums[r] = sum;
  }
}

template <int64_t C>
void expRowsOf(const float* x, float* e, int64_t rows, int64_t c, float* maxima, float* sums) {
  shiftRows<C>(x, e, rows, c, maxima);
  expRun(e, e, rows * c);
  sumRows<C>(e, rows, c, sums);
}

}  // namespace

void expRows(const float* x, float* e, int64_t rows, int64_t c, float* maxima, float* sums) {
  // Few classes are the rule: with a fixed count the short loops unroll.
  switch (c) {
    case 2: return expRowsOf<2>(x, e, rows, c, maxima, sums);
    case 3: return expRowsOf<3>(x, e, rows, c, maxima, sums);
    case 4: return expRowsOf<4>(x, e, rows, c, maxima, sums);
    case 5: return expRowsOf<5>(x, e, rows, c, maxima, sums);
    default: return expRowsOf<0>(x, e, rows, c, maxima, sums);
  }
}

void softmax(const Args& args) {
  args.requireOperands(1, 1);
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.count == y.count && x.rank() >= 2, "operand and result differ");
  const int64_t c = x.channels(), rows = x.count / c;
  if (c > CHUNK) {
    parallelRange(args.threads, rows, c, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) softmaxLong(x, y, row * c, c);
    });
    return;
  }
  parallelChunks(args.threads, x.count, CHUNK / c * c, [&](int64_t i, int64_t n) {
    float xs[CHUNK], ys[CHUNK], maxima[CHUNK], sums[CHUNK];
    expRows(loadChunk(x, i, n, xs), ys, n / c, c, maxima, sums);
    for (int64_t r = 0; r < n / c; r++) {
      const float factor = 1.0f / sums[r];
      if (c < 16) for (int64_t k = 0; k < c; k++) ys[r * c + k] *= factor;
      else scaleRunLeaf(ys + r * c, c, factor);
    }
    if (y.dtype == DType::bf16) storeChunk(y, i, n, ys);
    else std::memcpy(y.f32() + i, ys, static_cast<size_t>(n) * sizeof(float));
  });
}

}  // namespace revoxel::ops
