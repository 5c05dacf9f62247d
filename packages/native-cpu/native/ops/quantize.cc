// quantize: floats onto the grid of a stream; see grid-add.h for the pass.
#include "grid-add.h"
#include "ops.h"

namespace revoxel::ops {

void quantize(const Args& args) {
  args.requireOperands(2, 2);
  gridAdd(args, GridMode::set, GridSum::none, nullptr, args.in[0], args.in[1], args.out[0], args.out[1], nullptr);
}

}  // namespace revoxel::ops
