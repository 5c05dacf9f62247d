// convWeightGrad: gradient of a convolution's weights and bias, both f32.
#include "../kernels/conv-plain.h"
#include "../kernels/conv-tensor.h"
#include "ops.h"

namespace revoxel::ops {

void convWeightGrad(const Args& args) {
  const auto& attrs = args.attrs<ConvWeightGradAttrs>();
  args.requireOperands(static_cast<size_t>(attrs.pieces + 1), attrs.bias ? 2 : 1);
  const Tensor &dy = args.in.back(), &dw = args.out[0];
  const ConvPieces x = convPiecesOf(args, attrs.pieces);
  const ConvShape shape = convShapeOf(args, attrs, x);
  args.require(args.in[0].dtype == dy.dtype && dw.dtype == DType::f32, "operands differ");
  args.require(dw.count == shape.weights() && (!attrs.bias || (args.out[1].count == shape.co && args.out[1].dtype == DType::f32)), "results have the wrong size");
  float* const dbias = attrs.bias ? args.out[1].f32() : nullptr;
  if (args.call->variant != CONV_PLAIN) {
    args.require(shape.groups == 1, "expects one group");
    return convWeightGradTensor(args, shape, x, dy.data, dw.f32(), dbias, dy.dtype);
  }
  convWeightGradPlain(args, shape, x, dy.data, dw.f32(), dbias, dy.dtype);
}

}  // namespace revoxel::ops
