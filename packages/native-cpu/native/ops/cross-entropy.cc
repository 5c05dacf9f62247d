// crossEntropy: mean of log-sum-exp minus the label's logit over voxels that count; float64 sums, added share by share.
#include <array>
#include <cmath>
#include <limits>

#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"
#include "softmax-rows.h"

namespace revoxel::ops {

namespace {
constexpr int64_t MAX_PARTS = 256;
}

void crossEntropy(const Args& args) {
  args.requireOperands(2, 2);
  const Tensor& x = args.in[0];
  const uint8_t* const labels = args.in[1].as<uint8_t>();
  const int64_t ignore = args.attrs<CrossEntropyAttrs>().ignore;
  const int64_t c = x.channels(), voxels = x.count / c;
  args.require(args.in[1].dtype == DType::u8 && args.in[1].count == voxels && c <= 255, "labels do not fit the scores");
  const int64_t parts = x.count < 2 * GRAIN ? 1 : (args.threads < MAX_PARTS ? args.threads : MAX_PARTS);
  std::array<double, MAX_PARTS> losses{};
  std::array<int64_t, MAX_PARTS> counts{};
  parallelParts(args.threads, parts, [&](int64_t part) {
    const Share share = shareOf(voxels, part, parts);
    const int64_t step = CHUNK / c;
    double loss = 0;
    int64_t count = 0;
    for (int64_t v = share.begin; v < share.end; v += step) {
      const int64_t rows = share.end - v < step ? share.end - v : step;
      float xs[CHUNK], es[CHUNK], maxima[CHUNK], sums[CHUNK];
      const float* const rowsOf = loadChunk(x, v * c, rows * c, xs);
      expRows(rowsOf, es, rows, c, maxima, sums);
      for (int64_t r = 0; r < rows; r++) {
        const int64_t label = labels[v + r];
        if (label == ignore) continue;
        count++;
        if (label >= c) loss = std::numeric_limits<double>::quiet_NaN();
        else loss += static_cast<double>(std::log(sums[r])) + static_cast<double>(maxima[r] - rowsOf[r * c + label]);
      }
    }
    losses[static_cast<size_t>(part)] = loss;
    counts[static_cast<size_t>(part)] = count;
  });
  double loss = 0;
  int64_t count = 0;
  for (int64_t part = 0; part < parts; part++) {
    loss += losses[static_cast<size_t>(part)];
    count += counts[static_cast<size_t>(part)];
  }
  storeOne(args.out[0], 0, count == 0 ? 0.0f : static_cast<float>(loss / static_cast<double>(count)));
  storeOne(args.out[1], 0, static_cast<float>(count));
}

}  // namespace revoxel::ops
