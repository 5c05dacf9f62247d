// concat: every operand is copied to its box of the result.
#include "../kernels/copy.cuh"
#include "ops.h"

namespace revoxel::ops {

void concat(const Args& args) {
  args.require(!args.in.empty() && args.out.size() == 1, "expects operands and one result");
  const size_t axis = static_cast<size_t>(args.attrs<ConcatAttrs>().axis);
  const Tensor& y = args.out[0];
  args.require(axis < y.shape->size(), "axis out of range");
  int64_t size = 0;
  for (const Tensor& x : args.in) {
    args.require(x.dtype == y.dtype && x.rank() == y.rank(), "operands differ in dtype or rank");
    for (size_t i = 0; i < y.shape->size(); i++) args.require(i == axis || (*x.shape)[i] == (*y.shape)[i], "operands differ in size");
    size += (*x.shape)[axis];
  }
  args.require(size == (*y.shape)[axis], "the operands do not fill the result");
  const auto strides = physicalStrides(*y.shape);
  int64_t begin = 0;
  for (const Tensor& x : args.in) {
    copyBox(args, Box<2>::of(*x.shape, {strides, physicalStrides(*x.shape)}), y.data, begin * strides[axis], x.data, 0, bytesOf(y.dtype));
    begin += (*x.shape)[axis];
  }
}

}  // namespace revoxel::ops
