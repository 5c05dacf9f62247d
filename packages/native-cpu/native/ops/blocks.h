/**
 * Blocks of voxels as channels: the index arithmetic that squeeze, resample and resampleGrad share. A row of blocks lies
 * along W; of a block of s = product of `block` voxels, voxel k = (kz sy + ky) sx + kx of the large tensor belongs to
 * channels (c, k) of the small one.
 */
#pragma once

#include <cstdint>
#include <vector>

#include "../core/copy-run.h"
#include "../core/simd.h"
#include "../core/tensor.h"
#include <volume.h>

namespace revoxel::ops {

struct Blocks {
  Volume large, small;
  Triple block;
  /** Voxels of a block. */
  int64_t s;
  /** Channel (c, k) of the small tensor is c s + k; else k C + c. */
  bool channelMajor;

  Blocks(const Args& args, const Tensor& largeTensor, const Tensor& smallTensor, const std::vector<int64_t>& blockList, bool major)
      : large(Volume::of(largeTensor)), small(Volume::of(smallTensor)), block(Triple::of(blockList, 1)), s(block.product()), channelMajor(major) {
    args.require(large.n == small.n && large.c * s == small.c && large.d == small.d * block.d && large.h == small.h * block.h && large.w == small.w * block.w, "the tensors do not fit the block");
  }

  /** Rows of blocks. */
  int64_t rows() const { return small.n * small.d * small.h; }
  int64_t rowElements() const { return small.w * small.c; }

  /** First element of voxel line (kz, ky) of a row in the large tensor. */
  int64_t largeAt(int64_t row, int64_t kz, int64_t ky) const {
    const int64_t n = row / (small.d * small.h), z = row / small.h % small.d, y = row % small.h;
    return large.at(n, z * block.d + kz, y * block.h + ky, 0);
  }
  /** First element of a row in the small tensor. */
  int64_t smallAt(int64_t row) const { return row * rowElements(); }
};

/** A part of a row of blocks: `count` blocks from `begin` on, `channels` channels from `channel` on. */
struct Tile {
  int64_t row, begin, count, channel, channels;
  /** Elements of one of the s planes. */
  int64_t plane() const { return count * channels; }
};

/** Elements of all planes of a tile, at most; usual tiles are smaller, so that a few of them stay in the first-level cache. */
constexpr int64_t TILE = 4096;
constexpr int64_t USUAL_TILE = 2048;

/** Calls body(tile) for all tiles of a row. */
template <class Body>
void eachTile(const Blocks& b, int64_t row, const Body& body) {
  const int64_t room = (b.s <= USUAL_TILE / 16 ? USUAL_TILE : TILE) / b.s;
  const int64_t channels = b.large.c < room ? b.large.c : room;
  const int64_t blocks = b.large.c <= room ? room / b.large.c : 1;
  for (int64_t begin = 0; begin < b.small.w; begin += blocks) {
    const int64_t count = b.small.w - begin < blocks ? b.small.w - begin : blocks;
    for (int64_t channel = 0; channel < b.large.c; channel += channels) {
      body(Tile{row, begin, count, channel, b.large.c - channel < channels ? b.large.c - channel : channels});
    }
  }
}

/**
 * Calls body(plane element, large element) for every run of `channels` elements of a tile, in the order of the large
 * tensor: planes are in the caches, it is not.
 */
template <class Body>
void eachLargeRun(const Blocks& b, const Tile& t, const Body& body) {
  const int64_t n = t.plane();
  for (int64_t kz = 0; kz < b.block.d; kz++) {
    for (int64_t ky = 0; ky < b.block.h; ky++) {
      int64_t line = b.largeAt(t.row, kz, ky) + t.begin * b.block.w * b.large.c + t.channel;
      const int64_t first = (kz * b.block.h + ky) * b.block.w * n;
      for (int64_t x = 0; x < t.count; x++) {
        for (int64_t kx = 0; kx < b.block.w; kx++, line += b.large.c) body(first + kx * n + x * t.channels, line);
      }
    }
  }
}

/** The same of the small tensor in offset-major order. */
template <class Body>
void eachSmallRun(const Blocks& b, const Tile& t, const Body& body) {
  const int64_t n = t.plane();
  int64_t line = b.smallAt(t.row) + t.begin * b.small.c + t.channel;
  for (int64_t x = 0; x < t.count; x++) {
    for (int64_t k = 0; k < b.s; k++, line += b.large.c) body(k * n + x * t.channels, line);
  }
}

/** Planes [k][block][channel] from the large tensor. */
template <class Unit>
void gatherLarge(const Blocks& b, const Tile& t, const Unit* source, Unit* planes) {
  const int64_t bytes = t.channels * static_cast<int64_t>(sizeof(Unit));
  eachLargeRun(b, t, [&](int64_t at, int64_t from) { copyRun(planes + at, source + from, bytes); });
}

template <class Unit>
void scatterLarge(const Blocks& b, const Tile& t, const Unit* planes, Unit* target) {
  const int64_t bytes = t.channels * static_cast<int64_t>(sizeof(Unit));
  eachLargeRun(b, t, [&](int64_t at, int64_t to) { copyRun(target + to, planes + at, bytes); });
}

/** Asks for the lines from `at` on, to be read or to be written soon. Inlined by force: gcc drops calls of functions that only prefetch. */
template <int write>
REVOXEL_LEAF_INLINE void prefetch(const char* at, int64_t bytes) {
#if defined(__GNUC__)
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(at + i, write, 2);
#else
  (void)at, (void)bytes;
#endif
}

/** Asks for the tile after `t` in its row, so that memory is not idle while the planes of `t` are worked on. `up`: from small to large. */
template <class Unit>
REVOXEL_LEAF_INLINE void prefetchNext(const Blocks& b, const Tile& t, const Unit* large, const Unit* small, bool up) {
  const int64_t begin = t.begin + t.count, count = b.small.w - begin < t.count ? b.small.w - begin : t.count;
  if (count <= 0 || t.channels != b.large.c) return;
  const int64_t unit = static_cast<int64_t>(sizeof(Unit)), line = count * b.block.w * b.large.c * unit, row = count * b.small.c * unit;
  const char* const smallAt = reinterpret_cast<const char*>(small + b.smallAt(t.row) + begin * b.small.c);
  up ? prefetch<0>(smallAt, row) : prefetch<1>(smallAt, row);
  for (int64_t kz = 0; kz < b.block.d; kz++) {
    for (int64_t ky = 0; ky < b.block.h; ky++) {
      const char* const at = reinterpret_cast<const char*>(large + b.largeAt(t.row, kz, ky) + begin * b.block.w * b.large.c);
      up ? prefetch<1>(at, line) : prefetch<0>(at, line);
    }
  }
}

// The perfect shuffle of 2 n elements, to[2 i + j] = from[i + j n], and back.
#define REVOXEL_SHUFFLE(Unit)                                       \
  void shuffle(const Unit* from, Unit* to, int64_t n);              \
  void unshuffle(const Unit* from, Unit* to, int64_t n);
REVOXEL_SHUFFLE(uint8_t)
REVOXEL_SHUFFLE(uint16_t)
REVOXEL_SHUFFLE(uint32_t)
REVOXEL_SHUFFLE(int16_t)
REVOXEL_SHUFFLE(int32_t)
REVOXEL_SHUFFLE(float)
#undef REVOXEL_SHUFFLE

/**
 * Planes [k][element] to [element][k]: for powers of two that many perfect shuffles of the whole tile, which vectorise.
 * `work`: two tiles.
 */
template <class Unit>
void interleave(const Unit* from, Unit* to, int64_t plane, int64_t s, Unit* work) {
  if (s == 1 || (s & (s - 1)) != 0) {
    for (int64_t k = 0; k < s; k++) {
      for (int64_t i = 0; i < plane; i++) to[i * s + k] = from[k * plane + i];
    }
    return;
  }
  for (int64_t rest = s; rest > 1; rest /= 2) {
    Unit* const next = rest == 2 ? to : (from == work ? work + TILE : work);
    shuffle(from, next, plane * s / 2);
    from = next;
  }
}

/** The reverse of `interleave`. */
template <class Unit>
void deinterleave(const Unit* from, Unit* to, int64_t plane, int64_t s, Unit* work) {
  if (s == 1 || (s & (s - 1)) != 0) {
    for (int64_t k = 0; k < s; k++) {
      for (int64_t i = 0; i < plane; i++) to[k * plane + i] = from[i * s + k];
    }
    return;
  }
  for (int64_t rest = s; rest > 1; rest /= 2) {
    Unit* const next = rest == 2 ? to : (from == work ? work + TILE : work);
    unshuffle(from, next, plane * s / 2);
    from = next;
  }
}

/** Where a tile lies in the small tensor in channel-major order: without gaps, as one with a part of the channels has one block. */
inline int64_t tileAt(const Blocks& b, const Tile& t) { return b.smallAt(t.row) + t.begin * b.small.c + t.channel * b.s; }

/** Planes [k][block][channel] from the small tensor. `work`: two tiles. */
template <class Unit>
void gatherSmall(const Blocks& b, const Tile& t, const Unit* source, Unit* planes, Unit* work) {
  if (b.channelMajor) return deinterleave(source + tileAt(b, t), planes, t.plane(), b.s, work);
  const int64_t bytes = t.channels * static_cast<int64_t>(sizeof(Unit));
  eachSmallRun(b, t, [&](int64_t at, int64_t from) { copyRun(planes + at, source + from, bytes); });
}

template <class Unit>
void scatterSmall(const Blocks& b, const Tile& t, const Unit* planes, Unit* target, Unit* work) {
  if (b.channelMajor) return interleave(planes, target + tileAt(b, t), t.plane(), b.s, work);
  const int64_t bytes = t.channels * static_cast<int64_t>(sizeof(Unit));
  eachSmallRun(b, t, [&](int64_t at, int64_t to) { copyRun(target + to, planes + at, bytes); });
}

}  // namespace revoxel::ops
