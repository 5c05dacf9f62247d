// normActGrad: reverse rule of normAct; the branch of the activation is found again from x; see norm-passes.h.
#include "norm-passes.h"
#include "ops.h"

namespace revoxel::ops {

void normActGrad(const Args& args) {
  const bool fixed = args.in.size() == 7;
  args.requireOperands(fixed ? 7 : 6, 3);
  const auto& attrs = args.attrs<NormActGradAttrs>();
  const NormSpec spec{attrs.mode == NormMode::batch, attrs.groups, attrs.eps, static_cast<float>(attrs.slope)};
  normBackward(args, spec, {args.in[0], args.in[1], &args.in[2], args.in[3], args.in[4], args.in[5], fixed ? &args.in[6] : nullptr});
}

}  // namespace revoxel::ops
