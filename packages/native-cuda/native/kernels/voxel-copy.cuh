/** Voxels into channels and back without a change. */
#pragma once

#include "voxel-blocks.cuh"

namespace revoxel::voxels {

/** Copies of pieces that lie together in both tensors: elements, or runs of voxels along W. `Unit`: what a thread moves. */
template <class Unit>
struct Pieces {
  static constexpr int RESIDENT = 8;
  const Unit* x;
  Unit* y;
  /** Steps count units; runs have `channels` units. */
  Blocks b;
  bool up;

  struct Own {
    int64_t large, small;
  };
  __device__ __forceinline__ Own begin(uint32_t lane) const {
    // In the order of the small tensor, so that both sides move whole sectors.
    const uint32_t c = b.channelMajor ? lane / static_cast<uint32_t>(b.s) : lane % static_cast<uint32_t>(b.channels);
    const uint32_t k = b.channelMajor ? lane - c * static_cast<uint32_t>(b.s) : lane / static_cast<uint32_t>(b.channels);
    return {b.voxelAt(k) + c, lane};
  }
  __device__ __forceinline__ void run(uint32_t position, const Own& own) const {
    const int64_t large = b.largeAt(position) + own.large, small = b.smallAt(position) + own.small;
    if (up) y[large] = x[small];
    else y[small] = x[large];
  }
};

/** Element by element, for any block and order. */
template <class Unit>
void copyPieces(const Args& args, const Blocks& b, bool up) {
  walk(args, b, b.width(), Pieces<Unit>{args.in[0].as<Unit>(), args.out[0].as<Unit>(), b, up});
}

/** In offset-major order the voxels of a block along W lie together: runs, moved in units of up to 16 bytes. */
inline void copyRuns(const Args& args, Blocks b, bool up, int64_t bytes) {
  const int64_t run = b.blockW.divisor * b.channels * bytes;
  int64_t unit = 16;
  while (run % unit != 0) unit /= 2;
  b.s /= static_cast<int>(b.blockW.divisor);
  b.blockW = Divider::of(1);
  b.channels = run / unit;
  b.channelMajor = false;
  for (int axis = 0; axis < 3; axis++) {
    // A voxel along W is a whole run now; all other steps are multiples of runs.
    if (axis < 2) b.voxelStep[axis] = b.voxelStep[axis] * bytes / unit;
    b.blockStep[axis] = b.blockStep[axis] * bytes / unit;
  }
  b.voxelStep[2] = 0;
  switch (unit) {
    case 1: return copyPieces<uint8_t>(args, b, up);
    case 2: return copyPieces<uint16_t>(args, b, up);
    case 4: return copyPieces<uint32_t>(args, b, up);
    case 8: return copyPieces<uint2>(args, b, up);
    default: return copyPieces<uint4>(args, b, up);
  }
}

}  // namespace revoxel::voxels
