// normApply: the last pass of norm and normAct from statistics that are given; see norm-passes.h.
#include "norm-passes.h"
#include "ops.h"

namespace revoxel::ops {

void normApply(const Args& args) {
  const auto& attrs = args.attrs<NormApplyAttrs>();
  normFromStatistics(args, {attrs.mode == NormMode::batch, attrs.groups, 0.0, static_cast<float>(attrs.slope)});
}

}  // namespace revoxel::ops
