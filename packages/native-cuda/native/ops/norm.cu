// norm: normalisation by statistics of the operand; see norm-passes.h.
#include "norm-passes.h"
#include "ops.h"

namespace revoxel::ops {

void norm(const Args& args) {
  const auto& attrs = args.attrs<NormAttrs>();
  normForward(args, {attrs.mode == NormMode::batch, attrs.groups, attrs.eps, 1.0f});
}

}  // namespace revoxel::ops
