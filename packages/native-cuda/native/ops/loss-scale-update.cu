// lossScaleUpdate: undoes the scale of the loss and chooses the next one, by one thread. The results overlay the first two
// operands.
#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

__global__ void __launch_bounds__(32) lossScaleKernel(const float* scale, const float* streak, const float* squares, float* newScale, float* newStreak, float* norm, float* factor, double interval, double limit, const int* status) {
  if (threadIdx.x != 0) return;
  const double old = scale[0], sum = squares[0], steps = streak[0];
  const bool good = sum - sum == 0;
  double next = good ? old : fmax(old / 2, 1.0), count = good ? steps + 1 : 0;
  if (count >= interval) {
    next = fmin(2 * next, 16777216.0);
    count = 0;
  }
  const double length = good ? sqrt(sum) / old : (old > 1 ? 0 : sum);
  const double bound = limit > 0 ? fmin(1.0, limit / (length + 1e-6)) : 1.0;
  norm[0] = static_cast<float>(length);
  factor[0] = good ? static_cast<float>(bound / old) : -1.0f;
  if (status[0] != 0) return;
  newScale[0] = static_cast<float>(next);
  newStreak[0] = static_cast<float>(count);
}

}  // namespace

void lossScaleUpdate(const Args& args) {
  args.requireOperands(3, 4);
  const auto& attrs = args.attrs<LossScaleUpdateAttrs>();
  for (const auto* list : {&args.in, &args.out}) {
    for (const Tensor& t : *list) args.require(t.dtype == DType::f32 && t.count == 1, "expects f32 scalars");
  }
  launch(args, lossScaleKernel, 1, 32, 0, args.in[0].f32(), args.in[1].f32(), args.in[2].f32(), args.out[0].f32(), args.out[1].f32(), args.out[2].f32(), args.out[3].f32(), static_cast<double>(attrs.interval), attrs.limit, args.status);
}

}  // namespace revoxel::ops
