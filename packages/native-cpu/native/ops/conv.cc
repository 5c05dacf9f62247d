// conv: forward convolution by the kernels in kernels/ or by oneDNN. Scratch: the kernel's own, then packed weights if they are plain.
#include "conv-common.h"
#include "conv-onednn.h"
#include "ops.h"

namespace revoxel::ops {

void conv(const Args& args) {
  const auto& attrs = args.attrs<ConvAttrs>();
  args.requireOperands(static_cast<size_t>(attrs.pieces + 1 + (attrs.bias ? 1 : 0)), 1);
  const Tensor &w = args.in[static_cast<size_t>(attrs.pieces)], &y = args.out[0];
  const int64_t ci = channelsOf(args, attrs.pieces);
  const ConvShape shape = convShapeOf(Volume::of(args.in[0]), ci, Volume::of(y), attrs.outChannels, attrs.kernel, attrs.stride, attrs.padBefore, attrs.dilation, attrs.groups);
  const float* const bias = attrs.bias ? args.in.back().f32() : nullptr;
  if (args.call->variant == VARIANT_ONEDNN) {
    args.require(attrs.form == ConvForm::plain && w.count == weightCount(shape), "weights have the wrong size or form");
    return convOnednn(args, shape, attrs.pieces, w.f32(), bias);
  }
  const int64_t own = alignedFloats(convForwardScratch(shape, args.threads));
  const float* packed = w.f32();
  if (attrs.form == ConvForm::plain) {
    args.require(w.count == weightCount(shape), "weights have the wrong size");
    float* const room = args.scratchOf<float>(own + packForwardSize(shape)) + own;
    packForward(shape, w.f32(), room);
    packed = room;
  } else {
    args.require(w.count == packForwardSize(shape), "packed weights have the wrong size");
  }
  byActivation(y.dtype, [&](auto type) {
    using T = decltype(type);
    const InputPieces<T> x(args, attrs.pieces);
    convForward<T>(shape, x.list, packed, bias, y.as<T>(), args.scratchOf<float>(own), args.threads);
  });
}

}  // namespace revoxel::ops
