// broadcast: repeats along axes of size 1: a copy with a stride of zero there.
#include "../kernels/box.cuh"
#include "../kernels/copy.cuh"
#include "ops.h"

namespace revoxel::ops {

void broadcast(const Args& args) {
  args.requireOperands(1, 1);
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.dtype == y.dtype, "operand and result differ in dtype");
  copyBox(args, Box<2>::of(*y.shape, {physicalStrides(*y.shape), repeatedStrides(args, x, *y.shape)}), y.data, 0, x.data, 0, bytesOf(y.dtype));
}

}  // namespace revoxel::ops
