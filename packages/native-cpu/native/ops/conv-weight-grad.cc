// convWeightGrad: gradient of a convolution's weights and bias, both fp32.
#include "conv-common.h"
#include "conv-onednn.h"
#include "ops.h"

namespace revoxel::ops {

void convWeightGrad(const Args& args) {
  const auto& attrs = args.attrs<ConvWeightGradAttrs>();
  args.requireOperands(static_cast<size_t>(attrs.pieces + 1), attrs.bias ? 2 : 1);
  const Tensor &dy = args.in.back(), &dw = args.out[0];
  const int64_t ci = channelsOf(args, attrs.pieces);
  const Volume ys = Volume::of(dy);
  const ConvShape shape = convShapeOf(Volume::of(args.in[0]), ci, ys, ys.c, attrs.kernel, attrs.stride, attrs.padBefore, attrs.dilation, attrs.groups);
  args.require(dw.count == weightCount(shape) && (!attrs.bias || args.out[1].count == ys.c), "results have the wrong size");
  float* const dbias = attrs.bias ? args.out[1].f32() : nullptr;
  if (args.call->variant == VARIANT_ONEDNN) return convWeightGradOnednn(args, shape, attrs.pieces, dw.f32(), dbias);
  float* const scratch = args.scratchOf<float>(convWeightGradScratch(shape, args.threads));
  byActivation(dy.dtype, [&](auto type) {
    using T = decltype(type);
    const InputPieces<T> x(args, attrs.pieces);
    revoxel::convWeightGrad<T>(shape, x.list, dy.as<const T>(), dw.f32(), dbias, scratch, args.threads);
  });
}

}  // namespace revoxel::ops
