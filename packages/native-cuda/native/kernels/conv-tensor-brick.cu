// Convolution 3x3x3 (and 3x3) with stride 1 on tensor cores: a brick of the input and its border lies in shared memory once
// for every 32 channels, and all taps read it. ldmatrix takes 8 rows from any place, so shifting by a tap costs nothing.
#include "conv-tensor-tile.cuh"

namespace revoxel {

namespace {

struct BrickShape {
  ConvPieces x;
  int samples, d, h, w;
  int channels, results;
  PackedRow row;
  /** Taps of the weights run backwards: a transposed convolution. */
  bool mirror;
  bool aligned;
  int tilesN, bricksH, bricksW, bricksD;
};

/** Weights in flight: rows of three taps. */
constexpr int BRICK_STAGES = 3;

template <int TD, int TH, int TW, int KD, int TILE_N>
struct BrickPlan {
  static constexpr int M = TD * TH * TW;
  static constexpr int HD = TD + KD - 1, HH = TH + 2, HW = TW + 2;
  /** Voxels of the brick with its border. */
  static constexpr int VOXELS = HD * HH * HW;
  /** Rows of three taps. */
  static constexpr int STEPS = KD * 3;
  static constexpr int STAGE = 3 * TILE_N * TILE_K;
  /** bf16 elements; one brick is enough when there is no next one to fetch. */
  static constexpr int elements(bool one) { return BRICK_STAGES * STAGE + (one ? 1 : 2) * VOXELS * TILE_K; }
  static_assert(M * (TILE_N + 8) <= BRICK_STAGES * STAGE + VOXELS * TILE_K, "results are staged over the tiles");
};

/** grid.x: tiles of channels, then bricks, then samples. */
template <int TD, int TH, int TW, int KD, int TILE_N>
__global__ void __launch_bounds__(TILE_THREADS, TILE_N == 32 ? 3 : 2) convBrickKernel(const __grid_constant__ BrickShape s, const bf16* __restrict__ w, const float* __restrict__ bias, bf16* __restrict__ y) {
  using Plan = BrickPlan<TD, TH, TW, KD, TILE_N>;
  constexpr int WARPS_N = TILE_N / 32, WARPS_M = 8 / WARPS_N, MT = Plan::M / WARPS_M / 16;
  constexpr int STEPS = Plan::STEPS;
  DYN_SHARED_ARRAY(bf16, shared);
  bf16* const bricks = shared + BRICK_STAGES * Plan::STAGE;
  const int tid = threadIdx.x, warp = tid >> 5;
  const int n0 = static_cast<int>(blockIdx.x % s.tilesN) * TILE_N;
  int brick = static_cast<int>(blockIdx.x / s.tilesN);
  const int w0 = brick % s.bricksW * TW;
  brick /= s.bricksW;
  const int h0 = brick % s.bricksH * TH;
  brick /= s.bricksH;
  const int d0 = brick % s.bricksD * TD, sample = brick / s.bricksD;
  const int chunks = (s.channels + TILE_K - 1) / TILE_K, steps = chunks * STEPS;

  // Fetches a part of a brick: every thread a few 16-byte pieces.
  constexpr int PIECES = Plan::VOXELS * TILE_CHUNKS, ROUNDS = (PIECES + TILE_THREADS - 1) / TILE_THREADS;
  const auto fetchBrick = [&](int chunk, int round) {
    const int q = round * TILE_THREADS + tid;
    if (q >= PIECES) return;
    const int r = q / TILE_CHUNKS, column = q % TILE_CHUNKS;
    const int x = w0 + r % Plan::HW - 1, h = h0 + r / Plan::HW % Plan::HH - 1, d = d0 + r / (Plan::HW * Plan::HH) - KD / 2;
    const int c = chunk * TILE_K + column * 8;
    const bool inside = c < s.channels && static_cast<unsigned>(d) < static_cast<unsigned>(s.d) && static_cast<unsigned>(h) < static_cast<unsigned>(s.h) && static_cast<unsigned>(x) < static_cast<unsigned>(s.w);
    const int voxel = ((sample * s.d + d) * s.h + h) * s.w + x;
    bf16* to = bricks + (chunk & 1) * (Plan::VOXELS * TILE_K) + tileAt<TILE_CHUNKS>(r, column);
    if (s.aligned) {
      const PieceAt at = pieceAt(s.x, c);
      cpAsync16(to, at.data + (inside ? static_cast<int64_t>(voxel) * at.channels + at.c : 0), inside);
    } else {
      *reinterpret_cast<uint4*>(to) = inside ? loadChannels(s.x, voxel, c, s.channels) : make_uint4(0, 0, 0, 0);
    }
  };
  // Weights of step `step`: three taps.
  const auto fetchWeights = [&](int step) {
    const int chunk = step / STEPS, taps = step % STEPS * 3;
    bf16* to = shared + step % BRICK_STAGES * Plan::STAGE;
    constexpr int WEIGHTS = 3 * TILE_N * TILE_CHUNKS;
#pragma unroll
    for (int q = tid; q < WEIGHTS; q += TILE_THREADS) {
      const int row = q / TILE_CHUNKS, column = q % TILE_CHUNKS, result = n0 + row % TILE_N, c = chunk * TILE_K + column * 8;
      const int tap = s.mirror ? 3 * STEPS - 1 - (taps + row / TILE_N) : taps + row / TILE_N;
      const bool there = result < s.results && c < s.row.pitch;
      cpAsync16(to + tileAt<TILE_CHUNKS>(row, column), there ? w + static_cast<int64_t>(result) * s.row.length + static_cast<int64_t>(tap) * s.row.pitch + c : w, there);
    }
  };

  float sums[MT][4][4];
  clear(sums);
  const int rowM = warp / WARPS_N * MT * 16, rowN = warp % WARPS_N * 32;
  // Row of this lane in the brick at the first tap.
  int rows[MT];
#pragma unroll
  for (int i = 0; i < MT; i++) {
    const int m = rowOfA(rowM + i * 16);
    rows[i] = (m / (TW * TH) * Plan::HH + m / TW % TH) * Plan::HW + m % TW;
  }
  for (int round = 0; round < ROUNDS; round++) fetchBrick(0, round);
  fetchWeights(0);
  cpCommit();
  fetchWeights(1);
  cpCommit();
  int chunk = 0, tapRow = 0;
  for (int step = 0; step < steps; step++) {
    cpWait<1>();
    __syncthreads();
    if (step + 2 < steps) fetchWeights(step + 2);
    // The next brick comes in parts during all steps but the last, whose copies would be waited for too late.
    if (chunk + 1 < chunks) {
      for (int round = tapRow; tapRow < STEPS - 1 && round < ROUNDS; round += STEPS - 1) fetchBrick(chunk + 1, round);
    }
    cpCommit();
    const bf16 *xTile = bricks + (chunk & 1) * (Plan::VOXELS * TILE_K), *wTile = shared + step % BRICK_STAGES * Plan::STAGE;
    const int move = (tapRow / 3 * Plan::HH + tapRow % 3) * Plan::HW;
    const int halves = s.channels - chunk * TILE_K > 16 ? 2 : 1;
#pragma unroll
    for (int tap = 0; tap < 3; tap++) {
#pragma unroll
      for (int kk = 0; kk < TILE_K / 16; kk++) {
        if (kk >= halves) break;
        unsigned a[MT][4], b[4][2];
        loadB(b, wTile, tap * TILE_N + rowN, kk);
#pragma unroll
        for (int i = 0; i < MT; i++) loadA(a[i], xTile, rows[i] + move + tap, kk);
#pragma unroll
        for (int i = 0; i < MT; i++)
#pragma unroll
          for (int j = 0; j < 4; j++) mmaBf16(sums[i][j], a[i], b[j]);
      }
    }
    if (++tapRow == STEPS) {
      tapRow = 0;
      chunk++;
    }
  }
  cpWait<0>();
  __syncthreads();
  constexpr int PITCH = TILE_N + 8;
  stageResults<Bf16>(sums, shared, PITCH, rowM, rowN, bias, n0, s.results);
  __syncthreads();
  for (int q = tid; q < Plan::M * (TILE_N / 8); q += TILE_THREADS) {
    const int row = q / (TILE_N / 8), column = q % (TILE_N / 8) * 8;
    const int x = w0 + row % TW, h = h0 + row / TW % TH, d = d0 + row / (TW * TH);
    if (x >= s.w || h >= s.h || d >= s.d || n0 + column >= s.results) continue;
    const int voxel = ((sample * s.d + d) * s.h + h) * s.w + x;
    storeResults(y, static_cast<int64_t>(voxel) * s.results, shared + row * PITCH + column, n0 + column, s.results);
  }
}

template <int TD, int TH, int TW, int KD, int TILE_N>
void launchBrick(const Args& args, BrickShape s, const bf16* w, const float* bias, bf16* y) {
  s.bricksD = static_cast<int>(ceilDiv(s.d, TD));
  s.bricksH = static_cast<int>(ceilDiv(s.h, TH));
  s.bricksW = static_cast<int>(ceilDiv(s.w, TW));
  s.tilesN = static_cast<int>(ceilDiv(s.results, TILE_N));
  const int64_t blocks = static_cast<int64_t>(s.samples) * s.bricksD * s.bricksH * s.bricksW * s.tilesN;
  args.require(blocks < 0x7fffffff, "needs too many blocks");
  const size_t shared = BrickPlan<TD, TH, TW, KD, TILE_N>::elements(s.channels <= TILE_K) * sizeof(bf16);
  launch(args, convBrickKernel<TD, TH, TW, KD, TILE_N>, static_cast<unsigned>(blocks), TILE_THREADS, shared, s, w, bias, y);
}

template <int TD, int TH, int TW, int KD>
void launchBrick(const Args& args, const BrickShape& s, const bf16* w, const float* bias, bf16* y) {
  if (s.results <= 32) launchBrick<TD, TH, TW, KD, 32>(args, s, w, bias, y);
  else launchBrick<TD, TH, TW, KD, 64>(args, s, w, bias, y);
}

}  // namespace

void convBrick(const Args& args, const ConvShape& shape, const ConvPieces& x, const void* weights, const float* bias, int results, bool mirror, void* result) {
  args.require(isConvBrick(shape), "is not a 3x3x3 convolution that keeps the size");
  BrickShape s{};
  s.x = x;
  s.samples = shape.n;
  s.d = shape.id;
  s.h = shape.ih;
  s.w = shape.iw;
  s.channels = mirror ? shape.co : shape.ci;
  s.results = results;
  s.row = PackedRow::of(s.channels, shape.taps());
  args.require(!s.row.flat(), "needs 8 channels");
  s.mirror = mirror;
  s.aligned = x.packed(8);
  const auto* w = static_cast<const bf16*>(weights);
  auto* y = static_cast<bf16*>(result);
  if (shape.kd == 1) return launchBrick<1, 16, 16, 1>(args, s, w, bias, y);
  // Deep bricks read less; they need the shared memory, and as many blocks as there are multiprocessors.
  const int64_t deep = static_cast<int64_t>(s.samples) * ceilDiv(s.d, 4) * ceilDiv(s.h, 8) * ceilDiv(s.w, 8) * ceilDiv(results, results <= 32 ? 32 : 64);
  const bool single = s.channels <= TILE_K;
  const int64_t bytes = (results <= 32 ? BrickPlan<4, 8, 8, 3, 32>::elements(single) : BrickPlan<4, 8, 8, 3, 64>::elements(single)) * static_cast<int64_t>(sizeof(bf16));
  if (deep >= args.device->multiprocessors && s.d % 4 != 1 && s.d % 4 != 2 && bytes <= args.device->sharedPerBlock) launchBrick<4, 8, 8, 3>(args, s, w, bias, y);
  else launchBrick<2, 8, 8, 3>(args, s, w, bias, y);
}

}  // namespace revoxel
