// permute: axis i of the result is axis axes[i] of the operand: a copy with the operand's strides reordered.
#include "../kernels/copy.cuh"
#include "ops.h"

namespace revoxel::ops {

void permute(const Args& args) {
  args.requireOperands(1, 1);
  const auto& axes = args.attrs<PermuteAttrs>().axes;
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.dtype == y.dtype && x.rank() == y.rank() && axes.size() == y.shape->size(), "operand and result differ");
  const auto own = physicalStrides(*x.shape);
  std::vector<int64_t> strides(axes.size());
  for (size_t i = 0; i < axes.size(); i++) {
    const size_t axis = static_cast<size_t>(axes[i]);
    args.require(axis < axes.size() && (*x.shape)[axis] == (*y.shape)[i], "axes do not fit the result");
    strides[i] = own[axis];
  }
  copyBox(args, Box<2>::of(*y.shape, {physicalStrides(*y.shape), strides}), y.data, 0, x.data, 0, bytesOf(y.dtype));
}

}  // namespace revoxel::ops
