// couple: the additive coupling of a stream; see grid-add.h for the pass.
#include "grid-add.h"
#include "ops.h"

namespace revoxel::ops {

void couple(const Args& args) {
  args.requireOperands(3, 3);
  const auto& attrs = args.attrs<CoupleAttrs>();
  const GridMode mode = attrs.direction == CoupleDirection::add ? GridMode::add : GridMode::sub;
  const GridSum sum = attrs.checksum == CoupleChecksum::none ? GridSum::none : (attrs.checksum == CoupleChecksum::input ? GridSum::input : GridSum::output);
  gridAdd(args, mode, sum, &args.in[0], args.in[1], args.in[2], args.out[0], args.out[1], &args.out[2]);
}

}  // namespace revoxel::ops
