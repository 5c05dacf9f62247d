/**
 * Convolution and transposed convolution of any kernel, stride and dilation as one matrix product: a block makes 128 result
 * voxels x TILE_N channels; the sum runs over taps and channels in steps of 32 that are fetched four steps ahead.
 *
 * A transposed convolution with stride s is s^3 convolutions with stride 1, one for each class of result voxels with the
 * same remainder: each has the taps that reach it and no others.
 */
#pragma once

#include "conv-tensor-tile.cuh"

namespace revoxel {

/** Most classes along an axis. */
constexpr int GATHER_CLASSES = 4;

/** One class along one axis: result positions first + j * resultStep, tap numbers tapFirst + i * tapStep. */
struct GatherClass {
  int first;
  /** Result positions, and taps that reach them. */
  FastDiv count;
  int taps, tapFirst;
  /** Input position of result 0 and tap 0. */
  int base;
};
struct GatherAxis {
  int input, result;
  int resultStep, inputStep, tapStep;
  /** Input positions from one tap of the class to the next. */
  int tapMove;
  GatherClass of[GATHER_CLASSES];
};
struct GatherShape {
  ConvPieces x;
  int samples, channels, results;
  GatherAxis d, h, w;
  int classes;
  /** Taps of the whole kernel along h and w. */
  FastDiv kh, kw;
  PackedRow row;
  FastDiv pitch;
  int tilesN;
};

constexpr int GATHER_M = 128;
constexpr int GATHER_STAGES = 4;

template <int TILE_N>
struct GatherShared {
  bf16 x[GATHER_STAGES][GATHER_M * TILE_K];
  bf16 w[GATHER_STAGES][TILE_N * TILE_K];
  /** Result voxel of every row, or -1. */
  int voxel[GATHER_M];
};

/**
 * grid.x: tiles of channels, then classes, then tiles of voxels; grid.y: parts of the sum. With `partial` the sums of every
 * part go there in f32 ([part][result]), without bias.
 */
template <class E, int TILE_N, Feed FEED>
__global__ void __launch_bounds__(TILE_THREADS) convGatherKernel(const __grid_constant__ GatherShape s, const bf16* __restrict__ w, const float* __restrict__ bias, bf16* __restrict__ y, float* __restrict__ partial) {
  using Shared = GatherShared<TILE_N>;
  constexpr int STAGES = GATHER_STAGES, WARPS_N = TILE_N / 32, WARPS_M = 8 / WARPS_N, MT = GATHER_M / WARPS_M / 16;
  // A thread fetches one chunk of these rows: its column is the same in every step.
  constexpr int ROWS_X = GATHER_M * TILE_CHUNKS / TILE_THREADS, ROWS_W = (TILE_N * TILE_CHUNKS + TILE_THREADS - 1) / TILE_THREADS, ROW_STEP = TILE_THREADS / TILE_CHUNKS;
  static_assert(sizeof(Shared::x) + sizeof(Shared::w) >= GATHER_M * (TILE_N + 8) * sizeof(bf16), "results are staged over the tiles");
  DYN_SHARED(Shared, shared);
  const int tid = threadIdx.x, warp = tid >> 5;
  const int n0 = static_cast<int>(blockIdx.x % s.tilesN) * TILE_N;
  int rest = static_cast<int>(blockIdx.x / s.tilesN);
  const int cls = rest % s.classes, m0 = rest / s.classes * GATHER_M;
  const GatherClass &cw = s.w.of[cls % s.w.resultStep], &ch = s.h.of[cls / s.w.resultStep % s.h.resultStep], &cd = s.d.of[cls / (s.w.resultStep * s.h.resultStep)];
  const int rows = s.samples * cd.count.by * ch.count.by * cw.count.by;
  if (m0 >= rows) return;

  struct Place {
    int n, d, h, w;
  };
  const auto placeOf = [&](int m) {
    Place p;
    int q = cw.count.quotient(m);
    p.w = m - q * cw.count.by;
    int r = ch.count.quotient(q);
    p.h = q - r * ch.count.by;
    p.n = cd.count.quotient(r);
    p.d = r - p.n * cd.count.by;
    return p;
  };
  if (tid < GATHER_M) {
    int voxel = -1;
    if (m0 + tid < rows) {
      const Place p = placeOf(m0 + tid);
      voxel = ((p.n * s.d.result + cd.first + p.d * s.d.resultStep) * s.h.result + ch.first + p.h * s.h.resultStep) * s.w.result + cw.first + p.w * s.w.resultStep;
    }
    shared.voxel[tid] = voxel;
  }

  // Where this thread's rows start in the input.
  const int column = tid % TILE_CHUNKS, firstRow = tid / TILE_CHUNKS;
  int atN[ROWS_X], atD[ROWS_X], atH[ROWS_X], atW[ROWS_X];
#pragma unroll
  for (int i = 0; i < ROWS_X; i++) {
    const int m = m0 + firstRow + i * ROW_STEP;
    const Place p = placeOf(m < rows ? m : 0);
    atN[i] = p.n * s.d.input;
    // Far outside: all taps read zeros.
    atD[i] = m < rows ? p.d * s.d.inputStep + cd.base : -(1 << 30);
    atH[i] = p.h * s.h.inputStep + ch.base;
    atW[i] = p.w * s.w.inputStep + cw.base;
  }

  const int taps = cd.taps * ch.taps * cw.taps;
  const int steps = (taps * s.row.pitch + TILE_K - 1) / TILE_K;
  const int begin = static_cast<int>(static_cast<int64_t>(steps) * blockIdx.y / gridDim.y), end = static_cast<int>(static_cast<int64_t>(steps) * (blockIdx.y + 1) / gridDim.y);

  // Channel and tap that this thread fetches next.
  int c = (begin * TILE_CHUNKS + column) * 8, td = 0, th = 0, tw = 0;
  if (FEED != Feed::flat && taps > 0) {
    const int tap = s.pitch.quotient(c);
    c -= tap * s.row.pitch;
    const int row = tap / cw.taps;
    tw = tap - row * cw.taps;
    td = row / ch.taps;
    th = row - td * ch.taps;
  }
  const auto voxelAt = [&](int i, int moveD, int moveH, int moveW) {
    const int d = atD[i] + moveD, h = atH[i] + moveH, x = atW[i] + moveW;
    const bool inside = static_cast<unsigned>(d) < static_cast<unsigned>(s.d.input) && static_cast<unsigned>(h) < static_cast<unsigned>(s.h.input) && static_cast<unsigned>(x) < static_cast<unsigned>(s.w.input);
    return inside ? ((atN[i] + d) * s.h.input + h) * s.w.input + x : -1;
  };

  uint4 held[ROWS_X];
  // Starts the copies of a step; what is fetched element by element stays in registers until put().
  const auto fetch = [&](int step) {
    if (step < end) {
      const int stage = step % STAGES;
      int64_t wAt = c;
      bool wThere = c < s.row.length;
      if constexpr (FEED == Feed::flat) {
        unsigned words[ROWS_X][4] = {};
#pragma unroll
        for (int k = 0; k < 8; k++) {
          const int tap = s.pitch.quotient(c + k), channel = c + k - tap * s.row.pitch;
          if (tap >= s.row.taps) break;
          const int row = s.kw.quotient(tap), depth = s.kh.quotient(row);
          const int moveD = depth * s.d.tapMove, moveH = (row - depth * s.kh.by) * s.h.tapMove, moveW = (tap - row * s.kw.by) * s.w.tapMove;
          const PieceAt at = pieceAt(s.x, channel);
#pragma unroll
          for (int i = 0; i < ROWS_X; i++) {
            const int voxel = voxelAt(i, moveD, moveH, moveW);
            if (voxel >= 0) words[i][k / 2] |= bitsOf(at.data + static_cast<int64_t>(voxel) * at.channels + at.c) << (k % 2 * 16);
          }
        }
#pragma unroll
        for (int i = 0; i < ROWS_X; i++) held[i] = make_uint4(words[i][0], words[i][1], words[i][2], words[i][3]);
        c += TILE_K;
      } else {
        const bool there = td < cd.taps;
        const int tap = ((cd.tapFirst + td * s.d.tapStep) * s.kh.by + ch.tapFirst + th * s.h.tapStep) * s.kw.by + cw.tapFirst + tw * s.w.tapStep;
        wAt = static_cast<int64_t>(tap) * s.row.pitch + c;
        wThere = there;
        const PieceAt at = pieceAt(s.x, c);
#pragma unroll
        for (int i = 0; i < ROWS_X; i++) {
          const int voxel = there ? voxelAt(i, td * s.d.tapMove, th * s.h.tapMove, tw * s.w.tapMove) : -1;
          if constexpr (FEED == Feed::aligned) {
            const bf16* from = at.data + (voxel >= 0 ? static_cast<int64_t>(voxel) * at.channels + at.c : 0);
            cpAsync16(&shared.x[stage][tileAt<TILE_CHUNKS>(firstRow + i * ROW_STEP, column)], from, voxel >= 0);
          } else {
            held[i] = voxel >= 0 ? loadChannels(s.x, voxel, c, s.channels) : make_uint4(0, 0, 0, 0);
          }
        }
        c += TILE_K;
        while (c >= s.row.pitch) {
          c -= s.row.pitch;
          if (++tw == cw.taps) {
            tw = 0;
            if (++th == ch.taps) {
              th = 0;
              td++;
            }
          }
        }
      }
#pragma unroll
      for (int i = 0; i < ROWS_W; i++) {
        const int row = firstRow + i * ROW_STEP;
        if (row < TILE_N) {
          const bool there = wThere && n0 + row < s.results;
          cpAsync16(&shared.w[stage][tileAt<TILE_CHUNKS>(row, column)], there ? w + static_cast<int64_t>(n0 + row) * s.row.length + wAt : w, there);
        }
      }
    }
    cpCommit();
  };
  const auto put = [&](int step) {
    if (FEED != Feed::aligned && step < end) {
#pragma unroll
      for (int i = 0; i < ROWS_X; i++) *reinterpret_cast<uint4*>(&shared.x[step % STAGES][tileAt<TILE_CHUNKS>(firstRow + i * ROW_STEP, column)]) = held[i];
    }
  };

  float sums[MT][4][4];
  clear(sums);
  const int rowM = warp / WARPS_N * MT * 16, rowN = warp % WARPS_N * 32;
#pragma unroll
  for (int i = 0; i < STAGES - 1; i++) {
    fetch(begin + i);
    put(begin + i);
  }
  for (int step = begin; step < end; step++) {
    cpWait<STAGES - 2>();
    __syncthreads();
    fetch(step + STAGES - 1);
    const bf16 *xTile = shared.x[step % STAGES], *wTile = shared.w[step % STAGES];
#pragma unroll
    for (int kk = 0; kk < TILE_K / 16; kk++) {
      unsigned a[MT][4], b[4][2];
      loadB(b, wTile, rowN, kk);
#pragma unroll
      for (int i = 0; i < MT; i++) loadA(a[i], xTile, rowOfA(rowM + i * 16), kk);
#pragma unroll
      for (int i = 0; i < MT; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) mmaOf<E>(sums[i][j], a[i], b[j]);
    }
    put(step + STAGES - 1);
  }
  cpWait<0>();
  __syncthreads();

  if (partial) {
    const int lane = tid & 31, g = lane >> 2, t = lane & 3;
    const int64_t results = static_cast<int64_t>(s.samples) * s.d.result * s.h.result * s.w.result * s.results;
    float* to = partial + blockIdx.y * results;
#pragma unroll
    for (int i = 0; i < MT; i++)
#pragma unroll
      for (int h = 0; h < 2; h++) {
        const int voxel = shared.voxel[rowM + i * 16 + h * 8 + g];
        if (voxel < 0) continue;
#pragma unroll
        for (int j = 0; j < 4; j++) {
          const int channel = n0 + rowN + j * 8 + t * 2;
          float* at = to + static_cast<int64_t>(voxel) * s.results + channel;
          if (channel < s.results) at[0] = sums[i][j][2 * h];
          if (channel + 1 < s.results) at[1] = sums[i][j][2 * h + 1];
        }
      }
    return;
  }
  constexpr int PITCH = TILE_N + 8;
  bf16* staged = reinterpret_cast<bf16*>(&shared);
  stageResults<E>(sums, staged, PITCH, rowM, rowN, bias, n0, s.results);
  __syncthreads();
  for (int q = tid; q < GATHER_M * (TILE_N / 8); q += TILE_THREADS) {
    const int row = q / (TILE_N / 8), chunk = q % (TILE_N / 8) * 8, voxel = shared.voxel[row];
    if (voxel >= 0 && n0 + chunk < s.results) storeResults(y, static_cast<int64_t>(voxel) * s.results, staged + row * PITCH + chunk, n0 + chunk, s.results);
  }
}

}  // namespace revoxel
