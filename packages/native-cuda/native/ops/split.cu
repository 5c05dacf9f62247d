// split: every piece is copied from its channels of the operand.
#include "../kernels/copy.cuh"
#include "ops.h"

namespace revoxel::ops {

void split(const Args& args) {
  args.require(args.in.size() == 1 && !args.out.empty(), "expects one operand");
  const Tensor& x = args.in[0];
  args.require(x.rank() >= 2, "expects axes N and C");
  int64_t channels = 0;
  for (const Tensor& y : args.out) {
    args.require(x.dtype == y.dtype && x.rank() == y.rank(), "pieces and operand differ in dtype or rank");
    for (int axis = 0; axis < x.rank(); axis++) args.require(axis == 1 || x.size(axis) == y.size(axis), "pieces and operand differ in size");
    channels += y.size(1);
  }
  args.require(channels == x.size(1), "the pieces do not have the operand's channels");
  const auto strides = physicalStrides(*x.shape);
  int64_t begin = 0;
  for (const Tensor& y : args.out) {
    copyBox(args, Box<2>::of(*y.shape, {physicalStrides(*y.shape), strides}), y.data, 0, x.data, begin, bytesOf(x.dtype));
    begin += y.size(1);
  }
}

}  // namespace revoxel::ops
