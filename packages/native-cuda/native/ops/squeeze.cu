// squeeze: blocks of voxels into channels and back. Offset-major moves runs of the voxels along W; channel-major turns the
// blocks in registers.
#include "../kernels/voxel-copy.cuh"
#include "../kernels/voxel-maps.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** Nothing happens to the numbers on their way. */
template <class Unit>
struct Same {
  static constexpr int RESIDENT = 6;
  using Value = Unit;
  struct Own {};
  __device__ __forceinline__ Own begin(uint32_t) const { return {}; }
  template <int S>
  __device__ __forceinline__ void apply(Own&, Unit (&)[S]) const {}
};

}  // namespace

void squeeze(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<SqueezeAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.dtype == y.dtype, "operand and result differ in dtype");
  const auto b = voxels::Blocks::of(args, attrs.inverse ? y : x, attrs.inverse ? x : y, attrs.block, attrs.order == SqueezeOrder::channelMajor);
  if (!b.channelMajor || b.channels == 1 || b.s == 1) return voxels::copyRuns(args, b, attrs.inverse, bytesOf(x.dtype));
  withUnit(x.dtype, [&](auto type) {
    using Unit = decltype(type);
    if (!voxels::mapBlocks<Unit>(args, b, attrs.inverse, [](auto) { return Same<Unit>{}; })) voxels::copyPieces<Unit>(args, b, attrs.inverse);
  });
}

}  // namespace revoxel::ops
