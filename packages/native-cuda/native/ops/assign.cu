// assign: the persistent state (operand 0, which the result overlays) takes the bytes of operand 1.
#include "../kernels/copy.cuh"
#include "ops.h"

namespace revoxel::ops {

void assign(const Args& args) {
  args.requireOperands(2, 1);
  const Tensor &value = args.in[1], &state = args.out[0];
  args.require(value.count == state.count && value.dtype == state.dtype, "state and value differ");
  copyFlat(args, state.data, value.data, state.count * bytesOf(state.dtype), args.status);
}

}  // namespace revoxel::ops
