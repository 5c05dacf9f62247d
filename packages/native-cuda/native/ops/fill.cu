// fill: a tensor of one number, converted to the dtype as a cast would.
#include "../kernels/copy.cuh"
#include "ops.h"

namespace revoxel::ops {

void fill(const Args& args) {
  args.requireOperands(0, 1);
  fillValue(args, args.out[0], args.attrs<FillAttrs>().value);
}

}  // namespace revoxel::ops
