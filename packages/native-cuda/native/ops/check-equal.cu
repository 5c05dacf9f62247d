// checkEqual: notes the call in the status where two checksums differ; the executor names the sequence after the run, and
// kernels that write persistent values do nothing in between.
#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

__global__ void checkEqualKernel(const uint32_t* a, const uint32_t* b, int64_t n, int* status, int index, float* y) {
  for (int64_t i = 0; i < n; i++) {
    if (a[i] != b[i] && status[0] == 0) status[0] = 1 + index;
  }
  y[0] = 0.0f;
}

}  // namespace

void checkEqual(const Args& args) {
  args.requireOperands(2, 1);
  const Tensor &a = args.in[0], &b = args.in[1];
  args.require(a.dtype == DType::u32 && b.dtype == DType::u32 && a.count == b.count, "expects two u32 tensors of one size");
  launch(args, checkEqualKernel, 1, 1, 0, a.as<uint32_t>(), b.as<uint32_t>(), a.count, args.status, args.index, args.out[0].f32());
}

}  // namespace revoxel::ops
