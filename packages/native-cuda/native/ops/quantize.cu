// quantize: floats onto the grid of a stream; see grid-add.cuh for the pass.
#include "../kernels/grid-add.cuh"
#include "ops.h"

namespace revoxel::ops {

void quantize(const Args& args) {
  args.requireOperands(2, 2);
  streams::gridAdd<true>(args, nullptr, args.in[0], args.in[1], args.out[0], args.out[1], nullptr, false, streams::GridSum::none);
}

}  // namespace revoxel::ops
