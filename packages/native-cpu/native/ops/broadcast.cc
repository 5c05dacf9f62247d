// broadcast: repeats along axes of size 1: a copy with a stride of zero there.
#include "../core/strided.h"
#include "ops.h"

namespace revoxel::ops {

void broadcast(const Args& args) {
  args.requireOperands(1, 1);
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.dtype == y.dtype, "operand and result differ in dtype");
  const auto& shape = *y.shape;
  std::vector<int64_t> strides(shape.size(), 0);
  if (x.rank() > 0) {
    args.require(x.rank() == y.rank(), "ranks differ");
    const auto own = physicalStrides(*x.shape);
    for (size_t axis = 0; axis < shape.size(); axis++) {
      args.require((*x.shape)[axis] == shape[axis] || (*x.shape)[axis] == 1, "sizes must be equal or 1");
      strides[axis] = (*x.shape)[axis] == 1 ? 0 : own[axis];
    }
  }
  copyBoxBytes(args.threads, Box<2>::of(shape, {physicalStrides(shape), strides}), y.data, 0, x.data, 0, bytesOf(y.dtype));
}

}  // namespace revoxel::ops
