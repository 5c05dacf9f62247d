// diceLoss: per class the sums of p * y, p and y over voxels in float64, share by share, then the mean soft Dice.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** sums[0..c) += p at the label, [c..2c) += p, [2c..3c) += 1 at the label. */
void diceRows(const float* p, const uint8_t* labels, int64_t rows, int64_t c, int64_t ignore, double* sums) {
  for (int64_t r = 0; r < rows; r++) {
    const int64_t label = labels[r];
    if (label == ignore) continue;
    const float* const row = p + r * c;
    for (int64_t k = 0; k < c; k++) sums[c + k] += static_cast<double>(row[k]);
    if (label < c) {
      sums[label] += static_cast<double>(row[label]);
      sums[2 * c + label] += 1;
    }
  }
}

}  // namespace

void diceLoss(const Args& args) {
  args.requireOperands(2, 2);
  const auto& attrs = args.attrs<DiceLossAttrs>();
  const Tensor &p = args.in[0], &sums = args.out[1];
  const uint8_t* const labels = args.in[1].as<uint8_t>();
  const int64_t c = p.channels(), sets = attrs.batch ? 1 : p.samples(), voxels = p.count / c / sets, first = attrs.background ? 0 : 1;
  args.require(args.in[1].dtype == DType::u8 && args.in[1].count == p.count / c && c <= 255 && sums.count == sets * 3 * c, "labels or sums do not fit the scores");
  const int64_t parts = voxels * c < 2 * GRAIN ? 1 : args.threads;
  // One padded row of sums per share, so that threads do not write the same cache lines.
  const int64_t stride = (3 * c + 15) / 16 * 16;
  double* const scratch = args.scratchOf<double>(parts * stride);
  double total = 0;
  for (int64_t set = 0; set < sets; set++) {
    parallelParts(args.threads, parts, [&](int64_t part) {
      double own[3 * 256] = {};
      float buffer[CHUNK];
      const Share share = shareOf(voxels, part, parts);
      const int64_t step = CHUNK / c;
      for (int64_t v = share.begin; v < share.end; v += step) {
        const int64_t rows = share.end - v < step ? share.end - v : step;
        const int64_t at = set * voxels + v;
        diceRows(loadChunk(p, at * c, rows * c, buffer), labels + at, rows, c, attrs.ignore, own);
      }
      for (int64_t k = 0; k < 3 * c; k++) scratch[part * stride + k] = own[k];
    });
    double row[3 * 256] = {};
    for (int64_t part = 0; part < parts; part++) for (int64_t k = 0; k < 3 * c; k++) row[k] += scratch[part * stride + k];
    for (int64_t k = first; k < c; k++) {
      const double denominator = row[c + k] + row[2 * c + k] + attrs.smooth;
      // Written so that a NaN passes.
      total += (2 * row[k] + attrs.smooth) / (denominator < 1e-8 ? 1e-8 : denominator);
    }
    for (int64_t k = 0; k < 3 * c; k++) storeOne(sums, set * 3 * c + k, static_cast<float>(row[k]));
  }
  storeOne(args.out[0], 0, static_cast<float>(-total / static_cast<double>(sets * (c - first))));
}

}  // namespace revoxel::ops
