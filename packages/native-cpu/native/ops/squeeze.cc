// squeeze: blocks of voxels into channels and back. Offset-major moves runs of the voxels along W, channel-major goes
// through small tiles.
#include "../core/parallel.h"
#include "blocks.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** Runs of block.w voxels lie together on both sides. */
void moveRuns(const Args& args, const Blocks& b, bool inverse, int64_t unit) {
  const int64_t run = b.block.w * b.large.c * unit;
  char* const target = args.out[0].as<char>();
  const char* const source = args.in[0].as<const char>();
  parallelRange(args.threads, b.rows(), b.rowElements(), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      for (int64_t kz = 0; kz < b.block.d; kz++) {
        for (int64_t ky = 0; ky < b.block.h; ky++) {
          const int64_t large = b.largeAt(row, kz, ky) * unit;
          const int64_t small = b.smallAt(row) * unit + (kz * b.block.h + ky) * run;
          for (int64_t x = 0; x < b.small.w; x++) {
            const int64_t l = large + x * run, s = small + x * b.small.c * unit;
            copyRun(target + (inverse ? l : s), source + (inverse ? s : l), run);
          }
        }
      }
    }
  });
}

template <class Unit>
void moveTiles(const Args& args, const Blocks& b, bool inverse) {
  Unit* const target = args.out[0].as<Unit>();
  const Unit* const source = args.in[0].as<const Unit>();
  parallelRange(args.threads, b.rows(), b.rowElements(), [&](int64_t begin, int64_t end) {
    Unit planes[TILE], work[2 * TILE];
    for (int64_t row = begin; row < end; row++) {
      eachTile(b, row, [&](const Tile& tile) {
        prefetchNext(b, tile, inverse ? target : source, inverse ? source : target, inverse);
        if (inverse) {
          gatherSmall(b, tile, source, planes, work);
          scatterLarge(b, tile, planes, target);
        } else {
          gatherLarge(b, tile, source, planes);
          scatterSmall(b, tile, planes, target, work);
        }
      });
    }
  });
}

}  // namespace

void squeeze(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<SqueezeAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.dtype == y.dtype, "operand and result differ in dtype");
  const Blocks b(args, attrs.inverse ? y : x, attrs.inverse ? x : y, attrs.block, attrs.order == SqueezeOrder::channelMajor);
  const int64_t unit = bytesOf(x.dtype);
  if (!b.channelMajor || b.large.c == 1) return moveRuns(args, b, attrs.inverse, unit);
  args.require(b.s <= TILE, "blocks of more than 4096 voxels");
  switch (unit) {
    case 1: return moveTiles<uint8_t>(args, b, attrs.inverse);
    case 2: return moveTiles<uint16_t>(args, b, attrs.inverse);
    default: return moveTiles<uint32_t>(args, b, attrs.inverse);
  }
}

}  // namespace revoxel::ops
