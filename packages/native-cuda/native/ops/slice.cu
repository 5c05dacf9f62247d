// slice: copies a box of the operand.
#include "../kernels/copy.cuh"
#include "ops.h"

namespace revoxel::ops {

void slice(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<SliceAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.dtype == y.dtype && x.rank() == y.rank() && attrs.start.size() == y.shape->size(), "operand and result differ");
  const auto strides = physicalStrides(*x.shape);
  int64_t at = 0;
  for (size_t axis = 0; axis < strides.size(); axis++) {
    args.require(attrs.start[axis] >= 0 && attrs.start[axis] + (*y.shape)[axis] <= (*x.shape)[axis], "box outside the operand");
    at += attrs.start[axis] * strides[axis];
  }
  copyBox(args, Box<2>::of(*y.shape, {physicalStrides(*y.shape), strides}), y.data, 0, x.data, at, bytesOf(y.dtype));
}

}  // namespace revoxel::ops
