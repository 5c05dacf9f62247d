// normAct: norm, then leaky ReLU, in the same two passes; see norm-rows.h.
#include "norm-rows.h"
#include "ops.h"

namespace revoxel::ops {

void normAct(const Args& args) {
  const auto& attrs = args.attrs<NormActAttrs>();
  normForward(args, {attrs.mode == NormMode::batch, attrs.groups, static_cast<float>(attrs.eps), static_cast<float>(attrs.slope)});
}

}  // namespace revoxel::ops
