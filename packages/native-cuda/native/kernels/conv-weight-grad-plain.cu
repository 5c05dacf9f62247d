// Weight gradients of any form. Blocks sum slices of the output voxels; the slices are then added in fixed order, so that
// results depend on shapes and device alone.
#include "conv-plain.h"
#include "element.cuh"

namespace revoxel {

namespace {

constexpr int THREADS = 128;
/** Output channels and weights of a channel (taps x input channels) that a block computes. */
constexpr int TILE_OUT = 32;
constexpr int TILE_ROW = 128;
/** Voxels of a step through shared memory. */
constexpr int TILE_VOXELS = 16;
/** Channels and voxel lanes of a block for small groups. */
constexpr int GROUPED_LANES = 8;
/** Most bytes of partial sums. */
constexpr int64_t PARTIAL_BYTES = 15000000;

/** Too few channels in a group for tiles. */
bool sparse(const ConvShape& s) { return s.groups > 1 && s.outGroup() < TILE_OUT / 2; }

/** Slices of the output voxels; mirrored by src/scratch/conv.ts. */
int64_t slicesOf(const ConvShape& s, bool bias, int multiprocessors) {
  const int64_t row = static_cast<int64_t>(s.taps()) * s.inGroup();
  const int64_t tiles = sparse(s) ? ceilDiv(s.co, TILE_OUT) * row : s.groups * ceilDiv(s.outGroup(), TILE_OUT) * ceilDiv(row, TILE_ROW);
  const int64_t wanted = (sparse(s) ? 8 : 4) * static_cast<int64_t>(multiprocessors) / tiles;
  const int64_t most = PARTIAL_BYTES / (4 * (s.weights() + (bias ? s.co : 0)));
  return std::max<int64_t>(1, std::min(std::min(wanted, most), ceilDiv(s.outVoxels(), 64)));
}

struct __align__(16) Place {
  int z, y, x, base;
};
/** A place from which no tap reaches the source. */
constexpr int FAR_AWAY = -(1 << 30);

/** Where tap 0 of output voxel v lies in x. */
__device__ __forceinline__ Place placeOf(const ConvShape& s, int v, bool used) {
  if (!used) return {FAR_AWAY, 0, 0, 0};
  const int ox = v % s.ow;
  v /= s.ow;
  const int oy = v % s.oh;
  v /= s.oh;
  const int oz = v % s.od, n = v / s.od;
  Place place{oz * s.sd - s.pd, oy * s.sh - s.ph, ox * s.sw - s.pw, 0};
  place.base = ((n * s.id + place.z) * s.ih + place.y) * s.iw + place.x;
  return place;
}

/** A weight's tap and input channel, as what to add to a place. */
template <class T>
struct Source {
  int dz, dy, dx, delta, pitch;
  /** The channel in voxel 0 of its piece; null for a weight beyond the last. */
  const T* from;

  /** Weight j of the row of a channel of `group`. */
  __device__ __forceinline__ static Source of(const ConvShape& s, const ConvPieces& x, int group, int j) {
    const int inGroup = s.inGroup();
    int tap = j / inGroup, channel = group * inGroup + j % inGroup, p = 0;
    Source source;
    const bool used = tap < s.taps();
    source.dx = tap % s.kw * s.dw;
    tap /= s.kw;
    source.dy = tap % s.kh * s.dh;
    source.dz = tap / s.kh * s.dd;
    source.delta = (source.dz * s.ih + source.dy) * s.iw + source.dx;
    while (p + 1 < x.count && channel >= x.channels[p]) channel -= x.channels[p++];
    source.pitch = x.channels[p];
    source.from = used ? static_cast<const T*>(x.at[p]) + channel : nullptr;
    return source;
  }

  __device__ __forceinline__ bool inside(const ConvShape& s, const Place& at) const {
    return from != nullptr && static_cast<unsigned>(at.z + dz) < static_cast<unsigned>(s.id) && static_cast<unsigned>(at.y + dy) < static_cast<unsigned>(s.ih) && static_cast<unsigned>(at.x + dx) < static_cast<unsigned>(s.iw);
  }
  __device__ __forceinline__ const T* at(const Place& place) const { return from + static_cast<int64_t>(place.base + delta) * pitch; }
};

struct TileShared {
  __align__(16) float a[2][TILE_VOXELS][TILE_OUT];
  __align__(16) float b[2][TILE_VOXELS][TILE_ROW];
  Place at[2][TILE_VOXELS];
};

/**
 * Partial sums of TILE_OUT channels x TILE_ROW weights of one group over the voxels of slice blockIdx.z; a thread has 4 x 8.
 * VECTOR: channels come in fours that lie in one piece, one tap and one group. Blocks of the first weights sum dy as well
 * if dbias is not null. Slices lie `pitch` floats apart.
 */
template <class T, bool VECTOR>
__global__ void __launch_bounds__(THREADS, VECTOR ? 4 : 3) tileKernel(const __grid_constant__ ConvShape s, const __grid_constant__ ConvPieces x, const T* dy, int sliceVoxels, float* dw, float* dbias, int64_t pitch) {
  /** Different sources of four neighbouring weights. */
  constexpr int SOURCES = VECTOR ? 1 : 4;
  SHARED_STRUCT(TileShared, shared);
  const int t = static_cast<int>(threadIdx.x);
  const int outGroup = s.outGroup(), row = s.taps() * s.inGroup();
  const int tilesOfGroup = (outGroup + TILE_OUT - 1) / TILE_OUT;
  const int group = static_cast<int>(blockIdx.y) / tilesOfGroup;
  const int firstOut = static_cast<int>(blockIdx.y) % tilesOfGroup * TILE_OUT, firstWeight = static_cast<int>(blockIdx.x) * TILE_ROW;
  const int begin = static_cast<int>(blockIdx.z) * sliceVoxels, end = std::min(begin + sliceVoxels, s.outVoxels());
  const int steps = (end - begin + TILE_VOXELS - 1) / TILE_VOXELS;
  const bool sumsBias = dbias != nullptr && blockIdx.x == 0;

  // Loads of x: a warp takes the tile's weights of one voxel at a time; loads of dy: eight threads a voxel.
  const int quad = t & 31, lane = t >> 5;
  Source<T> source[SOURCES];
#pragma unroll
  for (int e = 0; e < SOURCES; e++) source[e] = Source<T>::of(s, x, group, firstWeight + quad * 4 + e);
  const int outQuad = (t & 7) * 4, outVoxel = t >> 3;
  const T* const gradient = dy + group * outGroup + firstOut + outQuad;
  const int outs = outGroup - firstOut - outQuad;
  const T zero = fromFloat<T>(0.0f);

  Pack<T, 4> nextA, nextB[4];
  float bias[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  const auto load = [&](int step) {
    const Place* const at = shared.at[step & 1];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const Place place = at[lane + 4 * i];
      if constexpr (VECTOR) {
        nextB[i] = source[0].inside(s, place) ? loadPack<T, 4>(source[0].at(place)) : Pack<T, 4>{{zero, zero, zero, zero}};
      } else {
#pragma unroll
        for (int e = 0; e < 4; e++) nextB[i].at[e] = source[e].inside(s, place) ? *source[e].at(place) : zero;
      }
    }
    const int v = begin + step * TILE_VOXELS + outVoxel;
    const T* const from = gradient + static_cast<int64_t>(v) * s.co;
    if constexpr (VECTOR) {
      nextA = v < end && outs > 0 ? loadPack<T, 4>(from) : Pack<T, 4>{{zero, zero, zero, zero}};
    } else {
#pragma unroll
      for (int e = 0; e < 4; e++) nextA.at[e] = v < end && e < outs ? from[e] : zero;
    }
  };
  const auto store = [&](int buffer) {
    Pack<float, 4> wide;
#pragma unroll
    for (int e = 0; e < 4; e++) {
      wide.at[e] = toFloat(nextA.at[e]);
      bias[e] += wide.at[e];
    }
    storeShared<float, 4>(&shared.a[buffer][outVoxel][outQuad], wide);
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
      for (int e = 0; e < 4; e++) wide.at[e] = toFloat(nextB[i].at[e]);
      storeShared<float, 4>(&shared.b[buffer][lane + 4 * i][quad * 4], wide);
    }
  };
  const auto locate = [&](int step) {
    const int v = begin + step * TILE_VOXELS + t;
    if (t < TILE_VOXELS) shared.at[step & 1][t] = placeOf(s, v, v < end);
  };

  const int tj = t & 15, to = t >> 4;
  float sums[4][8];
#pragma unroll
  for (int i = 0; i < 4; i++) {
#pragma unroll
    for (int j = 0; j < 8; j++) sums[i][j] = 0.0f;
  }
  locate(0);
  locate(1);
  __syncthreads();
  load(0);
  store(0);
  __syncthreads();
  for (int step = 0; step < steps; step++) {
    const int buffer = step & 1;
    const bool more = step + 1 < steps;
    if (more) load(step + 1);
#pragma unroll
    for (int k = 0; k < TILE_VOXELS; k++) {
      const Pack<float, 4> a = loadPack<float, 4>(&shared.a[buffer][k][to * 4]);
      const Pack<float, 4> b = loadPack<float, 4>(&shared.b[buffer][k][tj * 4]), c = loadPack<float, 4>(&shared.b[buffer][k][64 + tj * 4]);
#pragma unroll
      for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
          sums[i][j] += a.at[i] * b.at[j];
          sums[i][4 + j] += a.at[i] * c.at[j];
        }
      }
    }
    if (more) store(buffer ^ 1);
    // The places of this step are used up; those of the next one were written a step ago.
    locate(step + 2);
    __syncthreads();
  }

  const int64_t slice = blockIdx.z * pitch;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const int o = firstOut + to * 4 + i;
    if (o >= outGroup) continue;
    float* const to4 = dw + slice + static_cast<int64_t>(group * outGroup + o) * row;
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int j = firstWeight + half * 64 + tj * 4;
      if (row % 4 == 0 && pitch % 4 == 0) {
        if (j < row) storePack<float, 4>(to4 + j, Pack<float, 4>{{sums[i][half * 4], sums[i][half * 4 + 1], sums[i][half * 4 + 2], sums[i][half * 4 + 3]}});
      } else {
#pragma unroll
        for (int e = 0; e < 4; e++) {
          if (j + e < row) to4[j + e] = sums[i][half * 4 + e];
        }
      }
    }
  }
  if (sumsBias) {
    storeShared<float, 4>(&shared.a[0][outVoxel][outQuad], Pack<float, 4>{{bias[0], bias[1], bias[2], bias[3]}});
    __syncthreads();
    if (t < TILE_OUT && firstOut + t < outGroup) {
      float sum = 0.0f;
#pragma unroll
      for (int v = 0; v < TILE_VOXELS; v++) sum += shared.a[0][v][t];
      dbias[slice + group * outGroup + firstOut + t] = sum;
    }
  }
}

struct LaneShared {
  float sums[2][GROUPED_LANES][32];
};

/** Small groups: weight blockIdx.x of 32 channels over a slice; lanes share the voxels and are added in fixed order. */
template <class T>
__global__ void __launch_bounds__(BLOCK) groupedKernel(const __grid_constant__ ConvShape s, const __grid_constant__ ConvPieces x, const T* dy, int sliceVoxels, float* dw, float* dbias, int64_t pitch) {
  SHARED_STRUCT(LaneShared, shared);
  const int t = static_cast<int>(threadIdx.x) % 32, lane = static_cast<int>(threadIdx.x) / 32;
  const int j = static_cast<int>(blockIdx.x), o = static_cast<int>(blockIdx.y) * 32 + t;
  const int begin = static_cast<int>(blockIdx.z) * sliceVoxels, end = std::min(begin + sliceVoxels, s.outVoxels());
  float sum = 0.0f, bias = 0.0f;
  if (o < s.co) {
    const Source<T> source = Source<T>::of(s, x, o / s.outGroup(), j);
    for (int v = begin + lane; v < end; v += GROUPED_LANES) {
      const Place place = placeOf(s, v, true);
      const float grad = toFloat(dy[static_cast<int64_t>(v) * s.co + o]);
      bias += grad;
      if (source.inside(s, place)) sum += grad * toFloat(*source.at(place));
    }
  }
  shared.sums[0][lane][t] = sum;
  shared.sums[1][lane][t] = bias;
  __syncthreads();
  if (lane > 1 || o >= s.co || (lane == 1 && (dbias == nullptr || j != 0))) return;
  float total = 0.0f;
#pragma unroll
  for (int l = 0; l < GROUPED_LANES; l++) total += shared.sums[lane][l][t];
  const int64_t slice = blockIdx.z * pitch;
  if (lane == 0) dw[slice + static_cast<int64_t>(o) * s.taps() * s.inGroup() + j] = total;
  else dbias[slice + o] = total;
}

struct SliceShared {
  double sums[8][32];
};

/** dw and dbias from slices of [weights][channels if dbias]: 32 numbers a block, eight strands of slices, float64. */
__global__ void __launch_bounds__(BLOCK) sumSlicesKernel(const float* partial, int64_t slices, int64_t pitch, int64_t weights, float* dw, float* dbias) {
  SHARED_STRUCT(SliceShared, shared);
  const int t = static_cast<int>(threadIdx.x) % 32, strand = static_cast<int>(threadIdx.x) / 32;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * 32 + t;
  double sum = 0.0;
  if (i < pitch) {
    for (int64_t slice = strand; slice < slices; slice += 8) sum += static_cast<double>(partial[slice * pitch + i]);
  }
  shared.sums[strand][t] = sum;
  __syncthreads();
  if (strand != 0 || i >= pitch) return;
  double total = 0.0;
#pragma unroll
  for (int l = 0; l < 8; l++) total += shared.sums[l][t];
  if (i < weights) dw[i] = static_cast<float>(total);
  else dbias[i - weights] = static_cast<float>(total);
}

}  // namespace

void convWeightGradPlain(const Args& args, const ConvShape& s, const ConvPieces& x, const void* dy, float* dw, float* dbias, DType dtype) {
  const int64_t slices = slicesOf(s, dbias != nullptr, args.device->multiprocessors);
  const int64_t weights = s.weights(), pitch = weights + (dbias != nullptr ? s.co : 0);
  const int64_t row = static_cast<int64_t>(s.taps()) * s.inGroup();
  // Whole steps, so that only the last one of all is not full.
  const int sliceVoxels = static_cast<int>(ceilDiv(ceilDiv(s.outVoxels(), TILE_VOXELS), slices) * TILE_VOXELS);
  float* toWeights = dw;
  float* toBias = dbias;
  if (slices > 1) {
    toWeights = args.scratchOf<float>(slices * pitch);
    if (dbias != nullptr) toBias = toWeights + weights;
  }
  args.require(slices <= 65535 && row < 0x7fffffff, "more slices or weights than a grid holds");
  withFloat(dtype, [&](auto type) {
    using T = decltype(type);
    const T* const gradient = static_cast<const T*>(dy);
    if (sparse(s)) {
      const dim3 grid(static_cast<unsigned>(row), static_cast<unsigned>(ceilDiv(s.co, 32)), static_cast<unsigned>(slices));
      launch(args, groupedKernel<T>, grid, BLOCK, 0, s, x, gradient, sliceVoxels, toWeights, toBias, pitch);
      return;
    }
    const dim3 grid(static_cast<unsigned>(ceilDiv(row, TILE_ROW)), static_cast<unsigned>(s.groups * ceilDiv(s.outGroup(), TILE_OUT)), static_cast<unsigned>(slices));
    if (s.inGroup() % 4 == 0 && s.outGroup() % 4 == 0 && x.packed(4)) launch(args, tileKernel<T, true>, grid, THREADS, 0, s, x, gradient, sliceVoxels, toWeights, toBias, pitch);
    else launch(args, tileKernel<T, false>, grid, THREADS, 0, s, x, gradient, sliceVoxels, toWeights, toBias, pitch);
  });
  if (slices > 1) launch(args, sumSlicesKernel, static_cast<unsigned>(ceilDiv(pitch, 32)), BLOCK, 0, static_cast<const float*>(toWeights), slices, pitch, weights, dw, dbias);
}

}  // namespace revoxel
