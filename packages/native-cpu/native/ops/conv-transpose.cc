// convTranspose: the input gradient of a convolution, for a slice of its channels, or a learned up-sampling.
#include "conv-common.h"
#include "conv-onednn.h"
#include "ops.h"

namespace revoxel::ops {

void convTranspose(const Args& args) {
  const auto& attrs = args.attrs<ConvTransposeAttrs>();
  args.requireOperands(attrs.bias ? 3 : 2, 1);
  const Tensor &dy = args.in[0], &w = args.in[1], &dx = args.out[0];
  const Volume ys = Volume::of(dy), xs = Volume::of(dx);
  args.require(xs.c == attrs.channelCount && attrs.channelBegin >= 0 && attrs.channelBegin + attrs.channelCount <= attrs.inChannels, "channel slice out of range");
  const ConvShape shape = convShapeOf(xs, attrs.inChannels, ys, ys.c, attrs.kernel, attrs.stride, attrs.padBefore, attrs.dilation, attrs.groups);
  // The kernel numbers biases by the channel of the whole convolution, the operation by the channel of the slice.
  args.require(!attrs.bias || attrs.channelBegin == 0, "a bias is for all channels");
  const float* const bias = attrs.bias ? args.in[2].f32() : nullptr;
  if (args.call->variant == VARIANT_ONEDNN) {
    args.require(attrs.form == ConvForm::plain && w.count == weightCount(shape), "weights have the wrong size or form");
    return convTransposeOnednn(args, shape, w.f32(), bias, attrs.channelBegin, attrs.channelCount);
  }
  const int64_t own = alignedFloats(convInputGradScratch(shape, args.threads));
  const float* packed = w.f32();
  if (attrs.form == ConvForm::plain) {
    args.require(w.count == weightCount(shape), "weights have the wrong size");
    float* const room = args.scratchOf<float>(own + packInputGradSize(shape)) + own;
    packInputGrad(shape, w.f32(), room);
    packed = room;
  } else {
    args.require(w.count == packInputGradSize(shape), "packed weights have the wrong size");
  }
  byActivation(dx.dtype, [&](auto type) {
    using T = decltype(type);
    convInputGrad<T>(shape, dy.as<const T>(), packed, bias, dx.as<T>(), attrs.channelBegin, attrs.channelCount, args.scratchOf<float>(own), args.threads);
  });
}

}  // namespace revoxel::ops
