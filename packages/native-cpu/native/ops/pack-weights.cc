// packWeights: the convolution kernels' form of weights. It depends on channels, taps and groups alone.
#include "conv-common.h"
#include "ops.h"

namespace revoxel::ops {

void packWeights(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<PackWeightsAttrs>();
  const Tensor &w = args.in[0], &packed = args.out[0];
  args.require((w.rank() == 4 || w.rank() == 5) && w.dtype == DType::f32 && attrs.groups >= 1, "expects f32 convolution weights");
  ConvShape shape{};
  shape.n = shape.id = shape.ih = shape.iw = shape.od = shape.oh = shape.ow = 1;
  shape.sd = shape.sh = shape.sw = shape.dd = shape.dh = shape.dw = 1;
  const bool deep = w.rank() == 5;
  shape.co = w.size(0);
  shape.ci = w.size(1) * attrs.groups;
  shape.kd = deep ? w.size(2) : 1;
  shape.kh = w.size(deep ? 3 : 2);
  shape.kw = w.size(deep ? 4 : 3);
  shape.groups = attrs.groups;
  const bool forward = attrs.form == PackWeightsForm::forward;
  args.require(packed.count == (forward ? packForwardSize(shape) : packInputGradSize(shape)), "the packed form has the wrong size");
  (forward ? packForward : packInputGrad)(shape, w.f32(), packed.f32());
}

}  // namespace revoxel::ops
