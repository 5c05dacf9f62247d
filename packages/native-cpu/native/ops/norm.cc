// norm: normalisation by statistics of the operand; see norm-rows.h for the passes.
#include "norm-rows.h"
#include "ops.h"

namespace revoxel::ops {

void norm(const Args& args) {
  const auto& attrs = args.attrs<NormAttrs>();
  normForward(args, {attrs.mode == NormMode::batch, attrs.groups, static_cast<float>(attrs.eps), 1.0f});
}

}  // namespace revoxel::ops
