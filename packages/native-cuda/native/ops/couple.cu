// couple: the additive coupling of a stream; see grid-add.cuh for the pass.
#include "../kernels/grid-add.cuh"
#include "ops.h"

namespace revoxel::ops {

void couple(const Args& args) {
  args.requireOperands(3, 3);
  const auto& attrs = args.attrs<CoupleAttrs>();
  using streams::GridSum;
  const GridSum sum = attrs.checksum == CoupleChecksum::none ? GridSum::none : (attrs.checksum == CoupleChecksum::input ? GridSum::input : GridSum::output);
  streams::gridAdd<false>(args, &args.in[0], args.in[1], args.in[2], args.out[0], args.out[1], &args.out[2], attrs.direction == CoupleDirection::sub, sum);
}

}  // namespace revoxel::ops
