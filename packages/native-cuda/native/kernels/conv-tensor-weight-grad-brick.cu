// Weight gradient of a 3x3x3 convolution with stride 1 on tensor cores: a block holds the sums of all 27 taps x 32 x 32
// channels in registers (9 warps of three taps) while bricks of x and dy pass through shared memory.
#include "conv-tensor-weight-grad.cuh"

namespace revoxel {

namespace {

constexpr int TD = 2, TH = 4, TW = 8;
constexpr int VOXELS = TD * TH * TW, HH = TH + 2, HW = TW + 2, BORDERED = (TD + 2) * HH * HW;
constexpr int STAGES = 3, THREADS = 9 * 32;
static_assert(TW % 8 == 0 && VOXELS % 16 == 0, "16 voxels are two rows of 8");

struct GradBrickShared {
  bf16 x[STAGES][BORDERED * TILE_K];
  bf16 dy[STAGES][VOXELS * TILE_K];
};
struct GradBrickShape {
  ConvPieces x;
  int samples, d, h, w, ci, co;
  bool xAligned, yAligned;
  int bricksD, bricksH, bricksW;
};

/** grid: slices of bricks, tiles of co, tiles of ci. */
__global__ void __launch_bounds__(THREADS, 1) convWeightGradBrickKernel(const __grid_constant__ GradBrickShape s, const bf16* __restrict__ dy, const WeightGradTarget target) {
  DYN_SHARED(GradBrickShared, shared);
  const int tid = threadIdx.x, warp = tid >> 5, lane = tid & 31;
  const int slice = blockIdx.x, co0 = blockIdx.y * 32, ci0 = blockIdx.z * 32;
  const int64_t bricks = static_cast<int64_t>(s.samples) * s.bricksD * s.bricksH * s.bricksW;
  const int begin = static_cast<int>(bricks * slice / gridDim.x), end = static_cast<int>(bricks * (slice + 1) / gridDim.x);

  const auto fetch = [&](int brick) {
    if (brick < end) {
      const int stage = (brick - begin) % STAGES;
      int rest = brick;
      const int w0 = rest % s.bricksW * TW;
      rest /= s.bricksW;
      const int h0 = rest % s.bricksH * TH;
      rest /= s.bricksH;
      const int d0 = rest % s.bricksD * TD, sample = rest / s.bricksD;
      for (int q = tid; q < BORDERED * TILE_CHUNKS; q += THREADS) {
        const int r = q / TILE_CHUNKS, column = q % TILE_CHUNKS, c = ci0 + column * 8;
        const int w = w0 + r % HW - 1, h = h0 + r / HW % HH - 1, d = d0 + r / (HW * HH) - 1;
        const bool inside = c < s.ci && static_cast<unsigned>(d) < static_cast<unsigned>(s.d) && static_cast<unsigned>(h) < static_cast<unsigned>(s.h) && static_cast<unsigned>(w) < static_cast<unsigned>(s.w);
        const int voxel = ((sample * s.d + d) * s.h + h) * s.w + w;
        bf16* to = &shared.x[stage][tileAt<TILE_CHUNKS>(r, column)];
        if (s.xAligned) {
          const PieceAt at = pieceAt(s.x, c);
          cpAsync16(to, at.data + (inside ? static_cast<int64_t>(voxel) * at.channels + at.c : 0), inside);
        } else {
          *reinterpret_cast<uint4*>(to) = inside ? loadChannels(s.x, voxel, c, s.ci) : make_uint4(0, 0, 0, 0);
        }
      }
      if (tid < VOXELS * TILE_CHUNKS) {
        const int r = tid / TILE_CHUNKS, column = tid % TILE_CHUNKS, c = co0 + column * 8;
        const int w = w0 + r % TW, h = h0 + r / TW % TH, d = d0 + r / (TW * TH);
        const bool inside = c < s.co && d < s.d && h < s.h && w < s.w;
        const bf16* from = dy + (inside ? static_cast<int64_t>(((sample * s.d + d) * s.h + h) * s.w + w) * s.co + c : 0);
        bf16* to = &shared.dy[stage][tileAt<TILE_CHUNKS>(r, column)];
        if (s.yAligned) cpAsync16(to, from, inside);
        else *reinterpret_cast<uint4*>(to) = loadTail(from, inside ? s.co - c : 0);
      }
    }
    cpCommit();
  };
  static_assert(VOXELS * TILE_CHUNKS <= THREADS, "a thread fetches one chunk of dy at most");

  float sums[3][2][4][4];
#pragma unroll
  for (int k = 0; k < 3; k++) clear(sums[k]);
  BiasSums<Bf16, TILE_CHUNKS, VOXELS> bias;
  const bool wantsBias = target.dbias && ci0 == 0;
  // Three taps of one row: the brick's row of the first.
  const int move = (warp / 3 * HH + warp % 3) * HW;
#pragma unroll
  for (int i = 0; i < STAGES - 1; i++) fetch(begin + i);
  for (int brick = begin; brick < end; brick++) {
    cpWait<STAGES - 2>();
    __syncthreads();
    fetch(brick + STAGES - 1);
    const bf16 *xTile = shared.x[(brick - begin) % STAGES], *yTile = shared.dy[(brick - begin) % STAGES];
    for (int v = 0; v < VOXELS; v += 16) {
      unsigned a[2][4];
#pragma unroll
      for (int i = 0; i < 2; i++) loadGradA<TILE_CHUNKS>(a[i], yTile, v, i * 2);
      const int at = rowOfGradB(v), row = (at / (TW * TH) * HH + at / TW % TH) * HW + at % TW + move;
#pragma unroll
      for (int k = 0; k < 3; k++)
#pragma unroll
        for (int j = 0; j < 4; j += 2) {
          unsigned b[2][2];
          loadGradB<TILE_CHUNKS>(b, xTile, row + k, j);
#pragma unroll
          for (int i = 0; i < 2; i++) {
            mmaBf16(sums[k][i][j], a[i], b[0]);
            mmaBf16(sums[k][i][j + 1], a[i], b[1]);
          }
        }
    }
    if (wantsBias) bias.add(yTile);
  }
  cpWait<0>();
  __syncthreads();

  const int g = lane >> 2, t = lane & 3;
  float* dw = target.dw + slice * target.weights;
#pragma unroll
  for (int k = 0; k < 3; k++)
#pragma unroll
    for (int i = 0; i < 2; i++)
#pragma unroll
      for (int h = 0; h < 2; h++) {
        const int co = co0 + i * 16 + h * 8 + g;
        if (co >= s.co) continue;
        float* row = dw + (static_cast<int64_t>(co) * 27 + warp * 3 + k) * s.ci;
#pragma unroll
        for (int j = 0; j < 4; j++) {
          const int ci = ci0 + j * 8 + t * 2;
          if (ci < s.ci) row[ci] = sums[k][i][j][2 * h];
          if (ci + 1 < s.ci) row[ci + 1] = sums[k][i][j][2 * h + 1];
        }
      }
  if (wantsBias) bias.finish(reinterpret_cast<float*>(&shared), target.dbias + static_cast<int64_t>(slice) * s.co, co0, s.co);
}

}  // namespace

void convWeightGradBrick(const Args& args, const ConvShape& shape, const ConvPieces& x, const void* dy, float* dw, float* dbias) {
  args.require(isConvBrick(shape) && shape.kd == 3, "is not a 3x3x3 convolution that keeps the size");
  GradBrickShape s{};
  s.x = x;
  s.samples = shape.n;
  s.d = shape.id;
  s.h = shape.ih;
  s.w = shape.iw;
  s.ci = shape.ci;
  s.co = shape.co;
  s.xAligned = x.packed(8);
  s.yAligned = shape.co % 8 == 0;
  s.bricksD = static_cast<int>(ceilDiv(s.d, TD));
  s.bricksH = static_cast<int>(ceilDiv(s.h, TH));
  s.bricksW = static_cast<int>(ceilDiv(s.w, TW));
  const int64_t tilesCo = ceilDiv(s.co, 32), tilesCi = ceilDiv(s.ci, 32), bricks = static_cast<int64_t>(s.samples) * s.bricksD * s.bricksH * s.bricksW;
  args.require(bricks < 0x7fffffff, "needs too many bricks");
  const int slices = convSlices(args.device->multiprocessors, tilesCo * tilesCi, bricks, shape.weights() + shape.co);
  const WeightGradTarget target = weightGradTarget(args, shape, slices, dw, dbias);
  launch(args, convWeightGradBrickKernel, dim3(static_cast<unsigned>(slices), static_cast<unsigned>(tilesCo), static_cast<unsigned>(tilesCi)), THREADS, sizeof(GradBrickShared), s, static_cast<const bf16*>(dy), target);
  joinSlices(args, shape, slices, target, dw, dbias);
}

}  // namespace revoxel
