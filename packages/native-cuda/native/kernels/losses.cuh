/** What the losses share: checks of their operands, and how many blocks sum their voxels. */
#pragma once

#include "rows.cuh"

namespace revoxel {

/** Voxels that are worth a block, and blocks a multiprocessor at most (VOXELS and BLOCKS in src/scratch/spatial.ts). */
constexpr int64_t LOSS_VOXELS = 512, LOSS_BLOCKS = 8;

/** Blocks that sum `voxels` voxels of each of `sets` sets. */
inline unsigned lossBlocks(const Args& args, int64_t voxels, int64_t sets) {
  const int64_t most = ceilDiv(LOSS_BLOCKS * args.device->multiprocessors, sets);
  return static_cast<unsigned>(std::max<int64_t>(1, std::min(ceilDiv(voxels, LOSS_VOXELS), most)));
}

inline void requireLabels(const Args& args) {
  const Tensor &scores = args.in[0], &labels = args.in[1];
  args.require(scores.rank() >= 2 && scores.channels() >= 1 && scores.channels() <= 255, "expects scores of 1 to 255 classes");
  args.require(labels.dtype == DType::u8 && labels.count == scores.count / scores.channels(), "labels do not fit the scores");
}

/** An ignored label as kernels compare it; -1: none. */
inline int ignoredLabel(int64_t ignore) { return ignore >= 0 && ignore <= 255 ? static_cast<int>(ignore) : -1; }

}  // namespace revoxel
