// conv: forward convolution by one of the kernels in kernels/conv-*; the plan's variant says which.
#include "../kernels/conv-plain.h"
#include "../kernels/conv-tensor.h"
#include "ops.h"

namespace revoxel::ops {

void conv(const Args& args) {
  const auto& attrs = args.attrs<ConvAttrs>();
  args.requireOperands(static_cast<size_t>(attrs.pieces + 1 + (attrs.bias ? 1 : 0)), 1);
  const Tensor &w = args.in[static_cast<size_t>(attrs.pieces)], &y = args.out[0];
  const ConvPieces x = convPiecesOf(args, attrs.pieces);
  const ConvShape shape = convShapeOf(args, attrs, x);
  args.require(y.channels() == shape.co && args.in[0].dtype == y.dtype && w.dtype == DType::f32, "operands differ");
  args.require(!attrs.bias || (args.in.back().count == shape.co && args.in.back().dtype == DType::f32), "the bias has the wrong size");
  const float* const bias = attrs.bias ? args.in.back().f32() : nullptr;
  if (args.call->variant != CONV_PLAIN) {
    args.require(attrs.form == ConvForm::packed && shape.groups == 1 && w.count == PackedRow::of(shape.ci, shape.taps()).elements(shape.co), "packed weights have the wrong size or form");
    return convTensor(args, shape, x, w.data, bias, y.data, y.dtype);
  }
  args.require(attrs.form == ConvForm::plain && w.count == shape.weights(), "weights have the wrong size or form");
  convPlain(args, shape, x, w.f32(), bias, y.data, y.dtype);
}

}  // namespace revoxel::ops
