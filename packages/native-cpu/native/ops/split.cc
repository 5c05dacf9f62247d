// split: pieces along the channels, in one pass.
#include "channel-pieces.h"
#include "ops.h"

namespace revoxel::ops {

void split(const Args& args) {
  args.require(args.in.size() == 1 && !args.out.empty(), "expects one operand");
  const Tensor& x = args.in[0];
  args.require(x.rank() >= 2, "expects axes N and C");
  int64_t channels = 0;
  for (const Tensor& y : args.out) {
    args.require(x.dtype == y.dtype && x.rank() == y.rank(), "pieces and operand differ in dtype or rank");
    for (int axis = 0; axis < x.rank(); axis++) args.require(axis == 1 || x.size(axis) == y.size(axis), "pieces and operand differ in size");
    channels += y.size(1);
  }
  args.require(channels == x.size(1), "the pieces do not have the operand's channels");
  moveChannelPieces(args.threads, x, args.out, true);
}

}  // namespace revoxel::ops
