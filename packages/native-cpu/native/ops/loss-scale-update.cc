// lossScaleUpdate: undoes the scale of the loss and chooses the next one. The results overlay the first two operands.
#include <algorithm>
#include <cmath>

#include "ops.h"

namespace revoxel::ops {

void lossScaleUpdate(const Args& args) {
  args.requireOperands(3, 4);
  const auto& attrs = args.attrs<LossScaleUpdateAttrs>();
  for (const auto* list : {&args.in, &args.out}) {
    for (const Tensor& t : *list) args.require(t.dtype == DType::f32 && t.count == 1, "expects f32 scalars");
  }
  const double old = static_cast<double>(args.in[0].f32()[0]), squares = static_cast<double>(args.in[2].f32()[0]);
  const bool good = std::isfinite(squares);
  double scale = good ? old : std::max(old / 2, 1.0), streak = good ? static_cast<double>(args.in[1].f32()[0]) + 1 : 0;
  if (streak >= static_cast<double>(attrs.interval)) {
    scale = std::min(2 * scale, 0x1p24);
    streak = 0;
  }
  const double norm = good ? std::sqrt(squares) / old : old > 1 ? 0 : squares;
  const double bound = attrs.limit > 0 ? std::min(1.0, attrs.limit / (norm + 1e-6)) : 1.0;
  args.out[0].f32()[0] = static_cast<float>(scale);
  args.out[1].f32()[0] = static_cast<float>(streak);
  args.out[2].f32()[0] = static_cast<float>(norm);
  args.out[3].f32()[0] = good ? static_cast<float>(bound / old) : -1.0f;
}

}  // namespace revoxel::ops
