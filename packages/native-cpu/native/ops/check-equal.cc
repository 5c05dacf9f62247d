// checkEqual: stops the run where two checksums differ; the executor adds the name of the sequence.
#include "ops.h"

namespace revoxel::ops {

void checkEqual(const Args& args) {
  args.requireOperands(2, 1);
  const Tensor &a = args.in[0], &b = args.in[1];
  args.require(a.dtype == DType::u32 && b.dtype == DType::u32 && a.count == b.count, "expects two u32 tensors of one size");
  for (int64_t i = 0; i < a.count; i++) {
    if (a.as<uint32_t>()[i] != b.as<uint32_t>()[i]) throw ChecksumMismatch();
  }
  args.out[0].f32()[0] = 0.0f;
}

}  // namespace revoxel::ops
