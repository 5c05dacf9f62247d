// Weight gradient of any convolution on tensor cores: dw [co] x [tap, ci] is a matrix product that sums over voxels. Slices
// of voxels are summed by different blocks and added in order.
#include "conv-tensor-weight-grad.cuh"

namespace revoxel {

namespace {

struct GradShape {
  ConvPieces x;
  ConvShape conv;
  PackedRow row;
  FastDiv pitch, kh, kw, od, oh, ow;
  int tilesN;
};

constexpr int GRAD_STAGES = 3;
/** Voxels of a step. */
constexpr int GRAD_K = 32;

template <int TILE_M>
struct GradPlan {
  static constexpr int N = TILE_M == 32 ? 256 : 128;
  static constexpr int X_CHUNKS = N / 8, Y_CHUNKS = TILE_M / 8;
};
template <int TILE_M>
struct GradShared {
  bf16 x[GRAD_STAGES][GRAD_K * GradPlan<TILE_M>::N];
  bf16 dy[GRAD_STAGES][GRAD_K * TILE_M];
};

/** grid.x: tiles of [tap, ci], then tiles of co; grid.y: slices of voxels. A warp makes 32 x 32 sums. */
template <class E, int TILE_M, Feed FEED>
__global__ void __launch_bounds__(TILE_THREADS) convWeightGradKernel(const __grid_constant__ GradShape s, const bf16* __restrict__ dy, const WeightGradTarget target) {
  using Shared = GradShared<TILE_M>;
  using Plan = GradPlan<TILE_M>;
  constexpr int STAGES = GRAD_STAGES, WARPS_M = TILE_M / 32, WARPS_N = 8 / WARPS_M, X_CHUNKS = Plan::X_CHUNKS, Y_CHUNKS = Plan::Y_CHUNKS;
  constexpr int ROWS_X = GRAD_K * X_CHUNKS / TILE_THREADS, ROW_STEP = TILE_THREADS / X_CHUNKS;
  static_assert(GRAD_K * Y_CHUNKS <= TILE_THREADS, "a thread fetches one chunk of dy at most");
  static_assert(WARPS_N * 32 == Plan::N, "warps cover the tile");
  DYN_SHARED(Shared, shared);
  const ConvShape& conv = s.conv;
  const int tid = threadIdx.x, warp = tid >> 5, lane = tid & 31;
  const int tileN = blockIdx.x % s.tilesN, n0 = tileN * Plan::N, m0 = static_cast<int>(blockIdx.x / s.tilesN) * TILE_M;
  const int voxels = conv.outVoxels(), slice = blockIdx.y;
  const int steps = (voxels + GRAD_K - 1) / GRAD_K;
  const int begin = static_cast<int>(static_cast<int64_t>(steps) * slice / gridDim.y), end = static_cast<int>(static_cast<int64_t>(steps) * (slice + 1) / gridDim.y);
  const bool yAligned = conv.co % 8 == 0;

  // What this thread fetches of x: the same tap and channels in every step.
  const int column = tid % X_CHUNKS, firstRow = tid / X_CHUNKS, k0 = n0 + column * 8;
  const auto moveOf = [&](int tap, int& d, int& h, int& w) {
    const int row = s.kw.quotient(tap), depth = s.kh.quotient(row);
    d = depth * conv.dd - conv.pd;
    h = (row - depth * conv.kh) * conv.dh - conv.ph;
    w = (tap - row * conv.kw) * conv.dw - conv.pw;
  };
  int moveD = 0, moveH = 0, moveW = 0, c = 0;
  PieceAt piece{};
  const bool there = k0 < s.row.taps * s.row.pitch;
  if (FEED != Feed::flat && there) {
    const int tap = s.pitch.quotient(k0);
    c = k0 - tap * s.row.pitch;
    moveOf(tap, moveD, moveH, moveW);
    piece = pieceAt(s.x, c);
  }
  const int yColumn = tid % Y_CHUNKS, yRow = tid / Y_CHUNKS, yChannel = m0 + yColumn * 8;

  uint4 held[ROWS_X], heldY;
  const auto fetch = [&](int step) {
    if (step < end) {
      const int stage = step % STAGES, v0 = step * GRAD_K;
#pragma unroll
      for (int i = 0; i < ROWS_X; i++) {
        const int row = firstRow + i * ROW_STEP, v = v0 + row;
        const int q = s.ow.quotient(v), r = s.oh.quotient(q), n = s.od.quotient(r);
        const int w = (v - q * conv.ow) * conv.sw, h = (q - r * conv.oh) * conv.sh, d = (r - n * conv.od) * conv.sd;
        const auto voxelAt = [&](int md, int mh, int mw) {
          const bool inside = v < voxels && static_cast<unsigned>(d + md) < static_cast<unsigned>(conv.id) && static_cast<unsigned>(h + mh) < static_cast<unsigned>(conv.ih) && static_cast<unsigned>(w + mw) < static_cast<unsigned>(conv.iw);
          return inside ? ((n * conv.id + d + md) * conv.ih + h + mh) * conv.iw + w + mw : -1;
        };
        if constexpr (FEED == Feed::flat) {
          unsigned words[4] = {0, 0, 0, 0};
#pragma unroll
          for (int k = 0; k < 8; k++) {
            const int tap = s.pitch.quotient(k0 + k);
            if (tap >= s.row.taps) break;
            int md, mh, mw;
            moveOf(tap, md, mh, mw);
            const int voxel = voxelAt(md, mh, mw);
            if (voxel < 0) continue;
            const PieceAt at = pieceAt(s.x, k0 + k - tap * s.row.pitch);
            words[k / 2] |= bitsOf(at.data + static_cast<int64_t>(voxel) * at.channels + at.c) << (k % 2 * 16);
          }
          held[i] = make_uint4(words[0], words[1], words[2], words[3]);
        } else {
          const int voxel = there ? voxelAt(moveD, moveH, moveW) : -1;
          if constexpr (FEED == Feed::aligned) {
            const bf16* from = voxel >= 0 ? piece.data + static_cast<int64_t>(voxel) * piece.channels + piece.c : dy;
            cpAsync16(&shared.x[stage][tileAt<X_CHUNKS>(row, column)], from, voxel >= 0);
          } else {
            held[i] = voxel >= 0 ? loadChannels(s.x, voxel, c, conv.ci) : make_uint4(0, 0, 0, 0);
          }
        }
      }
      if (yRow < GRAD_K) {
        const bool inside = v0 + yRow < voxels && yChannel < conv.co;
        const bf16* from = dy + (inside ? static_cast<int64_t>(v0 + yRow) * conv.co + yChannel : 0);
        if (yAligned) cpAsync16(&shared.dy[stage][tileAt<Y_CHUNKS>(yRow, yColumn)], from, inside);
        else heldY = loadTail(from, inside ? conv.co - yChannel : 0);
      }
    }
    cpCommit();
  };
  const auto put = [&](int step) {
    if (step >= end) return;
    const int stage = step % STAGES;
    if (FEED != Feed::aligned) {
#pragma unroll
      for (int i = 0; i < ROWS_X; i++) *reinterpret_cast<uint4*>(&shared.x[stage][tileAt<X_CHUNKS>(firstRow + i * ROW_STEP, column)]) = held[i];
    }
    if (!yAligned && yRow < GRAD_K) *reinterpret_cast<uint4*>(&shared.dy[stage][tileAt<Y_CHUNKS>(yRow, yColumn)]) = heldY;
  };

  float sums[2][4][4];
  clear(sums);
  BiasSums<E, Y_CHUNKS, GRAD_K> bias;
  const bool wantsBias = target.dbias && tileN == 0;
  const int chunkM = warp / WARPS_N * 4, chunkN = warp % WARPS_N * 4;
#pragma unroll
  for (int i = 0; i < STAGES - 1; i++) {
    fetch(begin + i);
    put(begin + i);
  }
  for (int step = begin; step < end; step++) {
    cpWait<STAGES - 2>();
    __syncthreads();
    fetch(step + STAGES - 1);
    const bf16 *xTile = shared.x[step % STAGES], *yTile = shared.dy[step % STAGES];
#pragma unroll
    for (int v = 0; v < GRAD_K; v += 16) {
      unsigned a[2][4], b[4][2];
#pragma unroll
      for (int i = 0; i < 2; i++) loadGradA<Y_CHUNKS>(a[i], yTile, v, chunkM + i * 2);
#pragma unroll
      for (int j = 0; j < 4; j += 2) {
        unsigned pair[2][2];
        loadGradB<X_CHUNKS>(pair, xTile, rowOfGradB(v), chunkN + j);
        b[j][0] = pair[0][0];
        b[j][1] = pair[0][1];
        b[j + 1][0] = pair[1][0];
        b[j + 1][1] = pair[1][1];
      }
#pragma unroll
      for (int i = 0; i < 2; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) mmaOf<E>(sums[i][j], a[i], b[j]);
    }
    if (wantsBias) bias.add(yTile);
    put(step + STAGES - 1);
  }
  cpWait<0>();
  __syncthreads();

  const int g = lane >> 2, t = lane & 3;
  float* dw = target.dw + slice * target.weights;
#pragma unroll
  for (int j = 0; j < 4; j++)
#pragma unroll
    for (int e = 0; e < 2; e++) {
      const int k = n0 + (chunkN + j) * 8 + t * 2 + e, tap = s.pitch.quotient(k), channel = k - tap * s.row.pitch;
      if (tap >= s.row.taps || channel >= conv.ci) continue;
#pragma unroll
      for (int i = 0; i < 2; i++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
          const int co = m0 + chunkM * 8 + i * 16 + h * 8 + g;
          if (co < conv.co) dw[(static_cast<int64_t>(co) * s.row.taps + tap) * conv.ci + channel] = sums[i][j][2 * h + e];
        }
    }
  if (wantsBias) bias.finish(reinterpret_cast<float*>(&shared), target.dbias + static_cast<int64_t>(slice) * conv.co, m0, conv.co);
}

template <class E, int TILE_M>
void launchWeightGrad(const Args& args, GradShape s, Feed feed, const bf16* dy, float* dw, float* dbias) {
  s.tilesN = static_cast<int>(ceilDiv(s.row.length, GradPlan<TILE_M>::N));
  const int64_t tiles = s.tilesN * ceilDiv(s.conv.co, TILE_M);
  args.require(tiles < 0x7fffffff, "needs too many blocks");
  const int slices = convSlices(2 * args.device->multiprocessors, tiles, ceilDiv(s.conv.outVoxels(), 4 * GRAD_K), s.conv.weights() + s.conv.co);
  const WeightGradTarget target = weightGradTarget(args, s.conv, slices, dw, dbias);
  const auto kernel = feed == Feed::aligned ? convWeightGradKernel<E, TILE_M, Feed::aligned> : feed == Feed::masked ? convWeightGradKernel<E, TILE_M, Feed::masked> : convWeightGradKernel<E, TILE_M, Feed::flat>;
  launch(args, kernel, dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(slices)), TILE_THREADS, sizeof(GradShared<TILE_M>), s, dy, target);
  joinSlices(args, s.conv, slices, target, dw, dbias);
}

}  // namespace

void convWeightGradGather(const Args& args, const ConvShape& shape, const ConvPieces& x, const void* dy, float* dw, float* dbias, DType dtype) {
  GradShape s{};
  s.x = x;
  s.conv = shape;
  s.row = PackedRow::of(shape.ci, shape.taps());
  s.pitch = FastDiv::of(s.row.pitch);
  s.kh = FastDiv::of(shape.kh);
  s.kw = FastDiv::of(shape.kw);
  s.od = FastDiv::of(shape.od);
  s.oh = FastDiv::of(shape.oh);
  s.ow = FastDiv::of(shape.ow);
  const Feed feed = feedOf(x, s.row);
  withNarrow(dtype, [&](auto type) {
    using E = decltype(type);
    if (shape.co <= 32) launchWeightGrad<E, 32>(args, s, feed, static_cast<const bf16*>(dy), dw, dbias);
    else launchWeightGrad<E, 64>(args, s, feed, static_cast<const bf16*>(dy), dw, dbias);
  });
}

void convWeightGradTensor(const Args& args, const ConvShape& shape, const ConvPieces& x, const void* dy, float* dw, float* dbias, DType dtype) {
  args.require(args.call->variant != CONV_BRICK || dtype == DType::bf16, "bricks are for bf16");
  if (args.call->variant == CONV_BRICK) return convWeightGradBrick(args, shape, x, dy, dw, dbias);
  args.require(args.call->variant == CONV_GATHER, "unknown variant");
  convWeightGradGather(args, shape, x, dy, dw, dbias, dtype);
}

}  // namespace revoxel
