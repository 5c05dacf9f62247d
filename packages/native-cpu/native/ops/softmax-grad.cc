// softmaxGrad: dx = p * (dp - sum over channels of p * dp), per row of channels. In place on either operand.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

void softmaxGrad(const Args& args) {
  args.requireOperands(2, 1);
  const Tensor &p = args.in[0], &dp = args.in[1], &dx = args.out[0];
  args.require(p.count == dx.count && dp.count == dx.count && p.rank() >= 2, "operands and result differ");
  const int64_t c = p.channels();
  parallelRange(args.threads, p.count / c, c, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const int64_t at = row * c;
      double dot = 0;
      for (int64_t k = 0; k < c; k++) dot += static_cast<double>(loadOne(p, at + k)) * static_cast<double>(loadOne(dp, at + k));
      const float sum = static_cast<float>(dot);
      for (int64_t k = 0; k < c; k++) storeOne(dx, at + k, loadOne(p, at + k) * (loadOne(dp, at + k) - sum));
    }
  });
}

}  // namespace revoxel::ops
