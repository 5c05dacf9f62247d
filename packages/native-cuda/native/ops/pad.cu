// pad: fills the result with the border's number, then copies the operand into its box.
#include "../kernels/copy.cuh"
#include "ops.h"

namespace revoxel::ops {

void pad(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<PadAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.dtype == y.dtype && x.rank() == y.rank() && attrs.before.size() == y.shape->size(), "operand and result differ");
  const auto strides = physicalStrides(*y.shape);
  int64_t at = 0;
  for (size_t axis = 0; axis < strides.size(); axis++) {
    args.require(attrs.before[axis] >= 0 && attrs.before[axis] + (*x.shape)[axis] <= (*y.shape)[axis], "box outside the result");
    at += attrs.before[axis] * strides[axis];
  }
  if (x.count != y.count) fillValue(args, y, attrs.value);
  copyBox(args, Box<2>::of(*x.shape, {strides, physicalStrides(*x.shape)}), y.data, at, x.data, 0, bytesOf(y.dtype));
}

}  // namespace revoxel::ops
