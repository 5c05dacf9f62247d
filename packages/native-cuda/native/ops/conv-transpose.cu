// convTranspose: the input gradient of a convolution, for a slice of its channels, or a learned up-sampling.
#include "../kernels/conv-plain.h"
#include "../kernels/conv-tensor.h"
#include "ops.h"

namespace revoxel::ops {

void convTranspose(const Args& args) {
  const auto& attrs = args.attrs<ConvTransposeAttrs>();
  args.requireOperands(attrs.bias ? 3 : 2, 1);
  const Tensor &y = args.in[0], &w = args.in[1], &x = args.out[0];
  args.require(x.channels() == attrs.channelCount && attrs.channelBegin >= 0 && attrs.channelCount >= 1 && attrs.channelBegin + attrs.channelCount <= attrs.inChannels, "channel slice out of range");
  const ConvShape shape = convShapeOf(args, attrs);
  args.require(x.dtype == y.dtype && w.dtype == DType::f32, "operands differ");
  args.require(!attrs.bias || (args.in[2].count == attrs.channelCount && args.in[2].dtype == DType::f32), "the bias has the wrong size");
  const float* const bias = attrs.bias ? args.in[2].f32() : nullptr;
  const int begin = static_cast<int>(attrs.channelBegin), count = static_cast<int>(attrs.channelCount);
  if (args.call->variant != CONV_PLAIN) {
    args.require(attrs.form == ConvForm::packed && shape.groups == 1 && w.count == PackedRow::of(shape.co, shape.taps()).elements(count), "packed weights have the wrong size or form");
    return convTransposeTensor(args, shape, convPieceOf(y), w.data, bias, count, x.data, x.dtype);
  }
  args.require(attrs.form == ConvForm::plain && w.count == shape.weights(), "weights have the wrong size or form");
  convTransposePlain(args, shape, convPieceOf(y), w.f32(), bias, begin, count, x.data, x.dtype);
}

}  // namespace revoxel::ops
