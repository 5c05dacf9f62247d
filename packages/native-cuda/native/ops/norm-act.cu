// normAct: norm, then leaky ReLU, in the same passes; see norm-passes.h.
#include "norm-passes.h"
#include "ops.h"

namespace revoxel::ops {

void normAct(const Args& args) {
  const auto& attrs = args.attrs<NormActAttrs>();
  normForward(args, {attrs.mode == NormMode::batch, attrs.groups, attrs.eps, static_cast<float>(attrs.slope)});
}

}  // namespace revoxel::ops
