/**
 * What the tensor-core convolutions share: tiles of 32 channels a row in shared memory, operands of mma from them, channels
 * that lie in several tensors, and results on their way out. Pointers of bf16 carry 16-bit floats of either kind: only where
 * one is computed with or made does its type E (Bf16 or F16) matter.
 */
#pragma once

#include "conv-tensor.h"
#include "element.cuh"

namespace revoxel {

/**
 * Division by a number that the host knows: n / by for 0 <= n < 2^31. The same as Divider (divider.cuh), in int on purpose:
 * in unsigned numbers the gather kernels take ten more registers, and one spills.
 */
struct FastDiv {
  unsigned factor;
  int shift;
  int by;

  static FastDiv of(int by) {
    int shift = 0;
    while ((int64_t{1} << shift) < by) shift++;
    const uint64_t factor = ((uint64_t{1} << 32) * ((uint64_t{1} << shift) - static_cast<uint64_t>(by))) / static_cast<uint64_t>(by) + 1;
    return {static_cast<unsigned>(factor), shift, by};
  }
  __device__ __forceinline__ int quotient(int n) const {
    const unsigned high = static_cast<unsigned>((static_cast<uint64_t>(static_cast<unsigned>(n)) * factor) >> 32);
    return static_cast<int>((high + static_cast<unsigned>(n)) >> shift);
  }
};

/** Channels summed over in one step of the pipelines: rows of 64 bytes. */
constexpr int TILE_K = 32;
/** 16-byte chunks of such a row. */
constexpr int TILE_CHUNKS = TILE_K / 8;
/** Threads of the forward kernels: 8 warps. */
constexpr int TILE_THREADS = 256;

/** d += a b, operands of type E. */
template <class E>
__device__ __forceinline__ void mmaOf(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  if constexpr (std::is_same_v<E, Bf16>) mmaBf16(d, a, b);
  else mmaF16(d, a, b);
}

/** Calls body(E{}) with the element type of a call on tensor cores. */
template <class Body>
void withNarrow(DType dtype, const Body& body) {
  if (dtype == DType::bf16) body(Bf16{});
  else if (dtype == DType::f16) body(F16{});
  else throw Error("ERR_PLAN", std::string("expects bf16 or f16, got ") + nameOf(dtype));
}

/** How a kernel reads its input. */
enum class Feed {
  /** All pieces hold multiples of 8 channels: 16-byte copies. */
  aligned,
  /** Element by element, 8 channels of one tap. */
  masked,
  /** Element by element, fewer than 8 channels: taps and channels are one axis. */
  flat,
};

inline Feed feedOf(const ConvPieces& pieces, const PackedRow& row) { return row.flat() ? Feed::flat : pieces.packed(8) ? Feed::aligned : Feed::masked; }

/**
 * Element offset of a chunk in a tile of rows of CHUNKS chunks, such that the 8 rows of one ldmatrix hit 8 different groups
 * of banks wherever they start.
 */
template <int CHUNKS>
__device__ __forceinline__ int tileAt(int row, int chunk) {
  static_assert(CHUNKS == 4 || CHUNKS % 8 == 0, "rows of 64 bytes or of multiples of 128");
  return (row * CHUNKS + (CHUNKS == 4 ? chunk ^ ((row >> 1) & 3) : chunk ^ (row & 7))) * 8;
}

/** Channel `c` of pieces: the tensor that holds it, its channels, and c made relative to it. */
struct PieceAt {
  const bf16* data;
  int channels;
  int c;
};
__device__ __forceinline__ PieceAt pieceAt(const ConvPieces& x, int c) {
  PieceAt at{static_cast<const bf16*>(x.at[0]), x.channels[0], c};
  for (int p = 1; p < x.count && at.c >= at.channels; p++) {
    at.c -= at.channels;
    at.data = static_cast<const bf16*>(x.at[p]);
    at.channels = x.channels[p];
  }
  return at;
}

__device__ __forceinline__ unsigned bitsOf(const bf16* at) { return *reinterpret_cast<const uint16_t*>(at); }

/** 8 elements from a place of any alignment, of which the first `count` are there; others are 0. */
__device__ __forceinline__ uint4 loadTail(const bf16* from, int count) {
  unsigned words[4];
#pragma unroll
  for (int k = 0; k < 4; k++) words[k] = (2 * k < count ? bitsOf(from + 2 * k) : 0u) | (2 * k + 1 < count ? bitsOf(from + 2 * k + 1) << 16 : 0u);
  return make_uint4(words[0], words[1], words[2], words[3]);
}

/** 8 channels from c on of one voxel, element by element; zeros from `channels` on. */
__device__ __forceinline__ uint4 loadChannels(const ConvPieces& x, int voxel, int c, int channels) {
  unsigned words[4] = {0, 0, 0, 0};
#pragma unroll
  for (int k = 0; k < 8; k++) {
    if (c + k >= channels) break;
    const PieceAt at = pieceAt(x, c + k);
    words[k / 2] |= bitsOf(at.data + static_cast<int64_t>(voxel) * at.channels + at.c) << (k % 2 * 16);
  }
  return make_uint4(words[0], words[1], words[2], words[3]);
}

/** Rows `row` + 0..15 of a tile as operand A; `kk`: which 16 of the 32 channels. `row` is that of this lane. */
__device__ __forceinline__ void loadA(unsigned (&a)[4], const bf16* tile, int row, int kk) {
  ldsm4(a, tile + tileAt<TILE_CHUNKS>(row, kk * 2 + static_cast<int>((threadIdx.x & 31) >> 4)));
}
/** Row of this lane in 16 rows of A that start at `first`. */
__device__ __forceinline__ int rowOfA(int first) { return first + static_cast<int>(threadIdx.x & 15); }

/** 32 rows (result channels) from `first` of a tile as four operands B. */
__device__ __forceinline__ void loadB(unsigned (&b)[4][2], const bf16* tile, int first, int kk) {
  const int lane = threadIdx.x & 31;
#pragma unroll
  for (int j = 0; j < 4; j += 2) {
    unsigned r[4];
    ldsm4(r, tile + tileAt<TILE_CHUNKS>(first + j * 8 + (lane >> 4) * 8 + (lane & 7), kk * 2 + ((lane >> 3) & 1)));
    b[j][0] = r[0];
    b[j][1] = r[1];
    b[j + 1][0] = r[2];
    b[j + 1][1] = r[3];
  }
}

template <int MT>
__device__ __forceinline__ void clear(float (&sums)[MT][4][4]) {
#pragma unroll
  for (int i = 0; i < MT; i++)
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) sums[i][j][e] = 0.0f;
}

/** Sums of a warp (MT x 16 rows from `row`, 32 channels from `column`) with bias, as E, to a tile with rows of `pitch`. */
template <class E, int MT>
__device__ __forceinline__ void stageResults(const float (&sums)[MT][4][4], bf16* tile, int pitch, int row, int column, const float* bias, int firstChannel, int channels) {
  const int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
#pragma unroll
  for (int j = 0; j < 4; j++) {
    const int c = column + j * 8 + t * 2;
    const float low = bias && firstChannel + c < channels ? bias[firstChannel + c] : 0.0f;
    const float high = bias && firstChannel + c + 1 < channels ? bias[firstChannel + c + 1] : 0.0f;
#pragma unroll
    for (int i = 0; i < MT; i++)
#pragma unroll
      for (int h = 0; h < 2; h++) {
        Pack<E, 2> pair;
        pair.at[0] = fromFloat<E>(sums[i][j][2 * h] + low);
        pair.at[1] = fromFloat<E>(sums[i][j][2 * h + 1] + high);
        storePack<E, 2>(reinterpret_cast<E*>(tile + (row + i * 16 + h * 8 + g) * pitch + c), pair);
      }
  }
}

/** 8 results of a staged tile to memory; all at once where places allow it. */
__device__ __forceinline__ void storeResults(bf16* y, int64_t at, const bf16* staged, int channel, int channels) {
  if (channels % 8 == 0) {
    *reinterpret_cast<uint4*>(y + at + channel) = *reinterpret_cast<const uint4*>(staged);
  } else {
#pragma unroll
    for (int k = 0; k < 8; k++) {
      if (channel + k < channels) y[at + channel + k] = staged[k];
    }
  }
}

}  // namespace revoxel
