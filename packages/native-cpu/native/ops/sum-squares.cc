// sumSquares: sum of squares of all operands in float64. One parallel region over the operands laid end to end, because
// a network has hundreds of small ones; partial sums are added in order.
#include <array>

#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

REVOXEL_CLONES double squaresLeaf(const float* x, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

constexpr int64_t MAX_PARTS = 256;

}  // namespace

void sumSquares(const Args& args) {
  args.require(!args.in.empty() && args.out.size() == 1, "expects operands and one result");
  int64_t total = 0;
  for (const Tensor& x : args.in) total += x.count;
  const int64_t parts = total < 2 * GRAIN ? 1 : (args.threads < MAX_PARTS ? args.threads : MAX_PARTS);
  std::array<double, MAX_PARTS> sums{};
  parallelParts(args.threads, parts, [&](int64_t part) {
    const Share share = shareOf(total, part, parts);
    double sum = 0;
    int64_t start = 0;
    for (const Tensor& x : args.in) {
      const int64_t from = share.begin > start ? share.begin - start : 0;
      const int64_t to = share.end - start < x.count ? share.end - start : x.count;
      float buffer[CHUNK];
      for (int64_t i = from; i < to; i += CHUNK) {
        const int64_t n = to - i < CHUNK ? to - i : CHUNK;
        sum += squaresLeaf(loadChunk(x, i, n, buffer), n);
      }
      start += x.count;
    }
    sums[static_cast<size_t>(part)] = sum;
  });
  double sum = 0;
  for (int64_t part = 0; part < parts; part++) sum += sums[static_cast<size_t>(part)];
  storeOne(args.out[0], 0, static_cast<float>(sum));
}

}  // namespace revoxel::ops
