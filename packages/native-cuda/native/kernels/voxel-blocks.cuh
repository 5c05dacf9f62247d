/**
 * Blocks of voxels as channels: the index arithmetic that squeeze, resample and resampleGrad share. A block of s voxels of the large tensor is
 * one voxel with s times the channels, a position, of the small one; voxel k = (kz sy + ky) sx + kx of it belongs to
 * channels (c, k).
 */
#pragma once

#include <volume.h>

#include "divider.cuh"
#include "element.cuh"

namespace revoxel::voxels {

struct Blocks {
  int64_t positions, channels;
  /** Voxels of a block. */
  int s;
  /** Channel (c, k) of the small tensor is c s + k; else k C + c. */
  bool channelMajor;
  /** Elements of the large tensor from a block to the next one, and from a voxel to the next one. */
  int64_t blockStep[3], voxelStep[3];
  /** Sizes: of the small tensor along H and W, of a block along H and W. */
  Divider h, w, blockH, blockW;

  /** Checks that the tensors fit. */
  static Blocks of(const Args& args, const Tensor& largeTensor, const Tensor& smallTensor, const std::vector<int64_t>& blockList, bool major) {
    const ops::Volume large = ops::Volume::of(largeTensor), small = ops::Volume::of(smallTensor);
    const ops::Triple block = ops::Triple::of(blockList, 1);
    const int64_t s = block.product();
    args.require(block.d > 0 && block.h > 0 && block.w > 0 && large.n == small.n && large.c * s == small.c && large.d == small.d * block.d && large.h == small.h * block.h && large.w == small.w * block.w, "the tensors do not fit the block");
    const int64_t positions = small.n * small.d * small.h * small.w, limit = int64_t{1} << 31;
    args.require(positions < limit && small.c < limit && s * s < limit, "more than 2^31 - 1 blocks or channels");
    const int64_t x = large.c, y = large.w * x, z = large.h * y;
    return {positions, large.c, static_cast<int>(s), major, {block.d * z, block.h * y, block.w * x}, {z, y, x}, Divider::of(small.h), Divider::of(small.w), Divider::of(block.h), Divider::of(block.w)};
  }

  /** Elements of a position in the small tensor. */
  int64_t width() const { return channels * s; }

  /** First element of a block in the large tensor. */
  __device__ __forceinline__ int64_t largeAt(uint32_t position) const {
    const uint32_t row = w.quotient(position), plane = h.quotient(row);
    return plane * blockStep[0] + (row - plane * h.divisor) * blockStep[1] + (position - row * w.divisor) * blockStep[2];
  }
  __device__ __forceinline__ int64_t smallAt(uint32_t position) const { return position * (channels * s); }

  /** Offset of voxel k in a block of the large tensor. */
  __host__ __device__ __forceinline__ int64_t voxelAt(uint32_t k) const {
    const uint32_t line = k / blockW.divisor, plane = line / blockH.divisor;
    return plane * voxelStep[0] + (line - plane * blockH.divisor) * voxelStep[1] + (k - line * blockW.divisor) * voxelStep[2];
  }
  /** Offset of channel (c, k) in a position of the small tensor. */
  __device__ __forceinline__ int64_t channelAt(uint32_t c, uint32_t k) const { return channelMajor ? static_cast<int64_t>(c) * s + k : k * channels + c; }
};

/** Blocks of threads that every multiprocessor has room for: one of capability 7.5 takes 1024 threads. */
constexpr int LEAST_RESIDENT = 4;

/**
 * Threads of a walk: each stays at one of `lanes` places of a position, and goes from position to position, `group` at a
 * time. What belongs to the place (offsets, a matrix) is found once.
 */
struct Walk {
  int64_t positions;
  uint32_t lanes, group;

  __device__ __forceinline__ uint32_t threads() const { return lanes * group; }
};

/**
 * work.run(position, own) for all positions, with own = work.begin(lane) of the thread. `W`: a plain struct; W::RESIDENT
 * blocks fit a multiprocessor.
 */
template <class W>
__global__ void __launch_bounds__(BLOCK, W::RESIDENT < LEAST_RESIDENT ? W::RESIDENT : LEAST_RESIDENT) walkKernel(W work, Walk walk) {
  const uint32_t thread = blockIdx.x * BLOCK + threadIdx.x;
  if (thread >= walk.threads()) return;
  const uint32_t first = thread / walk.lanes;
  auto own = work.begin(thread - first * walk.lanes);
  for (int64_t position = first; position < walk.positions; position += walk.group) work.run(static_cast<uint32_t>(position), own);
}

template <class W>
void walk(const Args& args, const Blocks& b, int64_t lanes, const W& work) {
  const int64_t room = static_cast<int64_t>(args.device->multiprocessors) * W::RESIDENT * BLOCK;
  const int64_t group = std::min(b.positions, std::max<int64_t>(1, room / lanes));
  args.require(lanes * group < int64_t{1} << 31, "too many channels");
  launch(args, walkKernel<W>, dim3(static_cast<unsigned>(ceilDiv(lanes * group, BLOCK))), BLOCK, 0, work, Walk{b.positions, static_cast<uint32_t>(lanes), static_cast<uint32_t>(group)});
}

}  // namespace revoxel::voxels
