// normGrad: reverse rule of norm; see norm-passes.h.
#include "norm-passes.h"
#include "ops.h"

namespace revoxel::ops {

void normGrad(const Args& args) {
  args.requireOperands(5, 3);
  const auto& attrs = args.attrs<NormGradAttrs>();
  const NormSpec spec{attrs.mode == NormMode::batch, attrs.groups, attrs.eps, 1.0f};
  normBackward(args, spec, {args.in[0], args.in[1], nullptr, args.in[2], args.in[3], args.in[4], nullptr});
}

}  // namespace revoxel::ops
