// diceLossGrad: per class two numbers, for voxels of the class and for others; then one pass that picks. In place.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

void diceLossGrad(const Args& args) {
  args.requireOperands(4, 1);
  const auto& attrs = args.attrs<DiceLossGradAttrs>();
  const Tensor &p = args.in[0], &sums = args.in[2], &dp = args.out[0];
  const uint8_t* const labels = args.in[1].as<uint8_t>();
  const int64_t c = p.channels(), sets = attrs.batch ? 1 : p.samples(), voxels = p.count / c / sets, first = attrs.background ? 0 : 1;
  args.require(args.in[1].dtype == DType::u8 && args.in[1].count == p.count / c && c <= 255 && sums.count == sets * 3 * c && dp.count == p.count, "labels or sums do not fit the scores");
  const double factor = -static_cast<double>(loadOne(args.in[3], 0)) / static_cast<double>(sets * (c - first));
  for (int64_t set = 0; set < sets; set++) {
    float hit[256] = {}, miss[256] = {};
    for (int64_t k = first; k < c; k++) {
      const auto sum = [&](int64_t which) { return static_cast<double>(loadOne(sums, set * 3 * c + which * c + k)); };
      const double total = sum(1) + sum(2) + attrs.smooth;
      const double denominator = total < 1e-8 ? 1e-8 : total;
      const double fromSum = total > 1e-8 ? (2 * sum(0) + attrs.smooth) / (denominator * denominator) : 0;
      hit[k] = static_cast<float>(factor * (2 / denominator - fromSum));
      miss[k] = static_cast<float>(factor * -fromSum);
    }
    parallelRange(args.threads, voxels, c, [&](int64_t begin, int64_t end) {
      float buffer[CHUNK];
      const int64_t step = CHUNK / c;
      for (int64_t v = begin; v < end; v += step) {
        const int64_t rows = end - v < step ? end - v : step;
        const int64_t at = set * voxels + v;
        float* const target = targetChunk(dp, at * c, buffer);
        for (int64_t r = 0; r < rows; r++) {
          const int64_t label = labels[at + r];
          for (int64_t k = 0; k < c; k++) target[r * c + k] = label == attrs.ignore ? 0.0f : (label == k ? hit[k] : miss[k]);
        }
        storeChunk(dp, at * c, rows * c, target);
      }
    });
  }
}

}  // namespace revoxel::ops
