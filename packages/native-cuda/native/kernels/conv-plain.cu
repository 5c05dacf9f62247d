// Forward and transposed convolutions of any form: products of tiles of voxels and channels out of shared memory, and a
// plain loop for groups so small that tiles would be empty.
#include "conv-plain.h"
#include "element.cuh"

namespace revoxel {

namespace {

/**
 * Both directions as one sum over taps and channels of a source: the result's voxels along an axis are outFirst + j *
 * outStep; result j takes its tap m from source position srcFirst + j * srcStep + m * srcTap and weight tapFirst + m *
 * tapStep. A forward convolution is one such sum. A transposed one is one per residue of positions modulo the stride: the
 * taps that reach a residue are the same for all its voxels, so no tap is tried in vain.
 */
struct GatherAxis {
  int outs, outFirst, outStep, srcFirst, srcStep, srcTap, taps, tapFirst, tapStep;
};

struct Gather {
  bool transposed;
  int n, groups;
  /** Sizes of the result and of the source: d, h, w. */
  int out[3], src[3];
  int kernel[3], stride[3], pad[3], dilation[3];
  /** Channels of a group in the result and in the source. */
  int outGroup, srcGroup;
  /** The channels wanted of the result. */
  int outBegin, outCount;
  /** Channel tiles of all groups. */
  int channelTiles, tilesOfGroup;
  /** Elements between weights of neighbouring result channels, source channels, taps; groups begin `wGroup` apart. */
  int64_t wOut, wSrc, wTap, wGroup;
};

__device__ __forceinline__ GatherAxis axisOf(const Gather& g, int axis, int residue) {
  const int k = g.kernel[axis], s = g.stride[axis], p = g.pad[axis], d = g.dilation[axis];
  if (!g.transposed) return {g.out[axis], 0, 1, -p, s, d, k, 0, 1};
  // Smallest tap that reaches the residue, and the distance to the next one.
  int first = 0, step = 1;
  while (first < k && (residue + p - first * d) % s != 0) first++;
  while (step < s && step * d % s != 0) step++;
  const int taps = first < k ? (k - 1 - first) / step + 1 : 0;
  return {(g.out[axis] - residue + s - 1) / s, residue, s, taps > 0 ? (residue + p - first * d) / s : 0, 1, -(step * d / s), taps, first, step};
}

constexpr int GATHER_THREADS = 128;
/** Result channels of a block; voxels are 16 times the rows of a thread. */
constexpr int TILE_CHANNELS = 32;
/** Taps x channels of a step through shared memory. */
constexpr int TILE_DEPTH = 16;
/** Floats between rows of a tile: eight neighbouring rows, read 16 bytes each, lie in different banks. */
constexpr int TILE_PITCH = TILE_DEPTH + 4;

struct __align__(16) Place {
  int z, y, x, base;
};
/** A place from which no tap reaches the source. */
constexpr int FAR_AWAY = -(1 << 30);

template <int ROWS>
struct GatherShared {
  __align__(16) float a[2][16 * ROWS][TILE_PITCH];
  __align__(16) float b[2][TILE_CHANNELS][TILE_PITCH];
  Place row[16 * ROWS];
  /** Voxel of the result, or -1. */
  int out[16 * ROWS];
};

/** Position in the sum over taps and channels. */
struct Cursor {
  int c, w, h, d;

  __device__ __forceinline__ void advance(int by, int channels, int tapsH, int tapsW) {
    c += by;
    while (c >= channels) {
      c -= channels;
      if (++w == tapsW) {
        w = 0;
        if (++h == tapsH) {
          h = 0;
          d++;
        }
      }
    }
  }
};

/** Row of a tile that lane group u fills: eight lanes that store together then meet no bank twice. */
__device__ __forceinline__ int spread(int u) { return (u & ~7) | ((u & 1) << 2) | ((u >> 1) & 3); }

/**
 * A block computes 16 * ROWS voxels x TILE_CHANNELS channels of one group, a thread ROWS x 4 of them. VECTOR: channels come
 * in fours that lie in one piece, one tap and one group.
 */
template <class T, bool VECTOR, int ROWS>
__global__ void __launch_bounds__(GATHER_THREADS, ROWS == 8 ? 3 : 4) gatherKernel(const __grid_constant__ Gather g, const __grid_constant__ ConvPieces x, const float* w, const float* bias, T* y) {
  constexpr int VOXELS = 16 * ROWS;
  /** Fours of channels that a thread brings per step. */
  constexpr int LOADS = VOXELS * (TILE_DEPTH / 4) / GATHER_THREADS;
  SHARED_STRUCT(GatherShared<ROWS>, shared);
  const int t = static_cast<int>(threadIdx.x);
  int residue = static_cast<int>(blockIdx.z), residues[3] = {0, 0, 0};
  if (g.transposed) {
    residues[2] = residue % g.stride[2];
    residue /= g.stride[2];
    residues[1] = residue % g.stride[1];
    residues[0] = residue / g.stride[1];
    // A stride beyond the size leaves residues without voxels.
    if (residues[0] >= g.out[0] || residues[1] >= g.out[1] || residues[2] >= g.out[2]) return;
  }
  const GatherAxis ad = axisOf(g, 0, residues[0]), ah = axisOf(g, 1, residues[1]), aw = axisOf(g, 2, residues[2]);
  const int voxels = g.n * ad.outs * ah.outs * aw.outs;
  const int firstVoxel = static_cast<int>(blockIdx.x) / g.channelTiles * VOXELS;
  const int channelTile = static_cast<int>(blockIdx.x) % g.channelTiles;
  const int group = channelTile / g.tilesOfGroup;
  // Channels of the result, counted over all groups, that this block computes.
  const int firstChannel = std::max(g.outBegin, group * g.outGroup) + channelTile % g.tilesOfGroup * TILE_CHANNELS;
  const int channels = std::min(std::min(g.outBegin + g.outCount, (group + 1) * g.outGroup) - firstChannel, +TILE_CHANNELS);
  if (firstVoxel >= voxels || channels <= 0) return;

  if (t < VOXELS) {
    const int v = firstVoxel + t;
    Place place{FAR_AWAY, 0, 0, 0};
    int out = -1;
    if (v < voxels) {
      int rest = v;
      const int jw = rest % aw.outs;
      rest /= aw.outs;
      const int jh = rest % ah.outs;
      rest /= ah.outs;
      const int jd = rest % ad.outs, n = rest / ad.outs;
      place = {ad.srcFirst + jd * ad.srcStep, ah.srcFirst + jh * ah.srcStep, aw.srcFirst + jw * aw.srcStep, 0};
      place.base = ((n * g.src[0] + place.z) * g.src[1] + place.y) * g.src[2] + place.x;
      out = ((n * g.out[0] + ad.outFirst + jd * ad.outStep) * g.out[1] + ah.outFirst + jh * ah.outStep) * g.out[2] + aw.outFirst + jw * aw.outStep;
    }
    shared.row[t] = place;
    shared.out[t] = out;
  }
  __syncthreads();

  const int quad = t & 3, loader = spread(t >> 2);
  Place rows[LOADS];
#pragma unroll
  for (int i = 0; i < LOADS; i++) rows[i] = shared.row[loader + 32 * i];
  // Row r of tile b holds channel 4 (r % 8) + r / 8, so that the four channels of a thread lie side by side in the result.
  const int column = (loader & 7) * 4 + (loader >> 3);
  const bool columnUsed = column < channels;
  const float* const weights = w + group * g.wGroup + (firstChannel - group * g.outGroup + column) * g.wOut;

  Cursor at{0, 0, 0, 0};
  const bool any = ad.taps > 0 && ah.taps > 0 && aw.taps > 0;
  const int depth = any ? ad.taps * ah.taps * aw.taps * g.srcGroup : 0;
  const int steps = (depth + TILE_DEPTH - 1) / TILE_DEPTH;
  if (any) at.advance(quad * 4, g.srcGroup, ah.taps, aw.taps);

  Pack<T, 4> nextA[LOADS];
  Pack<float, 4> nextB;
  const T zero = fromFloat<T>(0.0f);
  // N elements of every row, and of the column, beginning with element e of the fours.
  const auto bring = [&](const Cursor& k, auto width, int e) {
    constexpr int N = decltype(width)::value;
    const bool used = k.d < ad.taps;
    const int dz = k.d * ad.srcTap, dy = k.h * ah.srcTap, dx = k.w * aw.srcTap;
    const int delta = (dz * g.src[1] + dy) * g.src[2] + dx;
    int channel = group * g.srcGroup + k.c, p = 0;
    while (p + 1 < x.count && channel >= x.channels[p]) channel -= x.channels[p++];
    const T* const from = static_cast<const T*>(x.at[p]) + channel;
    const int pitch = x.channels[p];
#pragma unroll
    for (int i = 0; i < LOADS; i++) {
      const bool inside = used && static_cast<unsigned>(rows[i].z + dz) < static_cast<unsigned>(g.src[0]) && static_cast<unsigned>(rows[i].y + dy) < static_cast<unsigned>(g.src[1]) && static_cast<unsigned>(rows[i].x + dx) < static_cast<unsigned>(g.src[2]);
      const T* const place = from + static_cast<int64_t>(rows[i].base + delta) * pitch;
      if constexpr (N == 4) {
        nextA[i] = inside ? loadPack<T, 4>(place) : Pack<T, 4>{{zero, zero, zero, zero}};
      } else {
        nextA[i].at[e] = inside ? *place : zero;
      }
    }
    const int tap = ((ad.tapFirst + k.d * ad.tapStep) * g.kernel[1] + ah.tapFirst + k.h * ah.tapStep) * g.kernel[2] + aw.tapFirst + k.w * aw.tapStep;
    const bool good = used && columnUsed;
    const float* const weight = weights + tap * g.wTap + k.c * g.wSrc;
    if constexpr (N == 4) {
      if (g.wSrc == 1) {
        nextB = good ? loadPack<float, 4>(weight) : Pack<float, 4>{{0.0f, 0.0f, 0.0f, 0.0f}};
      } else {
#pragma unroll
        for (int k4 = 0; k4 < 4; k4++) nextB.at[k4] = good ? weight[k4 * g.wSrc] : 0.0f;
      }
    } else {
      nextB.at[e] = good ? *weight : 0.0f;
    }
  };
  const auto load = [&]() {
    if constexpr (VECTOR) {
      bring(at, std::integral_constant<int, 4>{}, 0);
    } else {
      Cursor k = at;
#pragma unroll
      for (int e = 0; e < 4; e++) {
        bring(k, std::integral_constant<int, 1>{}, e);
        k.advance(1, g.srcGroup, ah.taps, aw.taps);
      }
    }
    at.advance(TILE_DEPTH, g.srcGroup, ah.taps, aw.taps);
  };
  const auto store = [&](int buffer) {
#pragma unroll
    for (int i = 0; i < LOADS; i++) {
      Pack<float, 4> wide;
#pragma unroll
      for (int e = 0; e < 4; e++) wide.at[e] = toFloat(nextA[i].at[e]);
      storeShared<float, 4>(&shared.a[buffer][loader + 32 * i][quad * 4], wide);
    }
    storeShared<float, 4>(&shared.b[buffer][loader][quad * 4], nextB);
  };

  const int tn = t & 7, tm = t >> 3;
  float sums[ROWS][4];
#pragma unroll
  for (int i = 0; i < ROWS; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) sums[i][j] = 0.0f;
  }
  if (steps > 0) {
    load();
    store(0);
  }
  __syncthreads();
  for (int step = 0; step < steps; step++) {
    const int buffer = step & 1;
    const bool more = step + 1 < steps;
    if (more) load();
#pragma unroll
    for (int k = 0; k < TILE_DEPTH; k += 4) {
      Pack<float, 4> b[4];
#pragma unroll
      for (int j = 0; j < 4; j++) b[j] = loadPack<float, 4>(&shared.b[buffer][j * 8 + tn][k]);
#pragma unroll
      for (int i = 0; i < ROWS; i++) {
        const Pack<float, 4> a = loadPack<float, 4>(&shared.a[buffer][tm + 16 * i][k]);
#pragma unroll
        for (int e = 0; e < 4; e++) {
#pragma unroll
          for (int j = 0; j < 4; j++) sums[i][j] += a.at[e] * b[j].at[e];
        }
      }
    }
    if (more) store(buffer ^ 1);
    __syncthreads();
  }

  // Channel within the slice that the result holds.
  const int mine = tn * 4, channel = firstChannel - g.outBegin + mine;
  if (mine >= channels) return;
  float shift[4];
#pragma unroll
  for (int j = 0; j < 4; j++) shift[j] = bias != nullptr && mine + j < channels ? bias[channel + j] : 0.0f;
  const bool whole = mine + 4 <= channels && g.outCount % 4 == 0 && channel % 4 == 0;
#pragma unroll
  for (int i = 0; i < ROWS; i++) {
    const int v = shared.out[tm + 16 * i];
    if (v < 0) continue;
    T* const to = y + static_cast<int64_t>(v) * g.outCount + channel;
    Pack<T, 4> result;
#pragma unroll
    for (int j = 0; j < 4; j++) result.at[j] = fromFloat<T>(sums[i][j] + shift[j]);
    if (whole) {
      storePack<T, 4>(to, result);
    } else {
#pragma unroll
      for (int j = 0; j < 4; j++) {
        if (mine + j < channels) to[j] = result.at[j];
      }
    }
  }
}

/** Sets tiles and launches. The tile has fewer voxels where full ones would leave multiprocessors without work. */
template <class T>
void gather(const Args& args, Gather g, const ConvPieces& x, bool vector, const float* w, const float* bias, T* y) {
  g.tilesOfGroup = static_cast<int>(ceilDiv(std::min(g.outGroup, g.outCount), TILE_CHANNELS));
  g.channelTiles = g.groups * g.tilesOfGroup;
  int64_t voxels = g.n, classes = 1;
  for (int axis = 0; axis < 3; axis++) {
    voxels *= g.transposed ? ceilDiv(g.out[axis], g.stride[axis]) : g.out[axis];
    classes *= g.transposed ? g.stride[axis] : 1;
  }
  const auto run = [&](auto rows) {
    constexpr int ROWS = decltype(rows)::value;
    const dim3 grid(static_cast<unsigned>(ceilDiv(voxels, 16 * ROWS) * g.channelTiles), 1, static_cast<unsigned>(classes));
    if (vector) launch(args, gatherKernel<T, true, ROWS>, grid, GATHER_THREADS, 0, g, x, w, bias, y);
    else launch(args, gatherKernel<T, false, ROWS>, grid, GATHER_THREADS, 0, g, x, w, bias, y);
  };
  args.require(classes <= 65535, "strides are too large");
  args.require(ceilDiv(voxels, 32) * g.channelTiles < 0x7fffffff, "more tiles than a grid holds");
  const bool full = ceilDiv(voxels, 128) * g.channelTiles * classes >= 2 * args.device->multiprocessors;
  if (full) run(std::integral_constant<int, 8>{});
  else run(std::integral_constant<int, 2>{});
}

Gather gatherOf(const ConvShape& s, bool transposed) {
  Gather g{};
  const int64_t row = static_cast<int64_t>(s.taps()) * s.inGroup();
  g.transposed = transposed;
  g.n = s.n;
  g.groups = s.groups;
  const int x[3] = {s.id, s.ih, s.iw}, y[3] = {s.od, s.oh, s.ow};
  const int kernel[3] = {s.kd, s.kh, s.kw}, stride[3] = {s.sd, s.sh, s.sw}, pad[3] = {s.pd, s.ph, s.pw}, dilation[3] = {s.dd, s.dh, s.dw};
  for (int axis = 0; axis < 3; axis++) {
    g.out[axis] = transposed ? x[axis] : y[axis];
    g.src[axis] = transposed ? y[axis] : x[axis];
    g.kernel[axis] = kernel[axis];
    g.stride[axis] = stride[axis];
    g.pad[axis] = pad[axis];
    g.dilation[axis] = dilation[axis];
  }
  g.outGroup = transposed ? s.inGroup() : s.outGroup();
  g.srcGroup = transposed ? s.outGroup() : s.inGroup();
  g.outBegin = 0;
  g.outCount = transposed ? s.ci : s.co;
  g.wOut = transposed ? 1 : row;
  g.wSrc = transposed ? row : 1;
  g.wTap = s.inGroup();
  g.wGroup = row * s.outGroup();
  return g;
}

/** A thread a voxel and channel, for groups of few channels. */
template <class T>
__global__ void __launch_bounds__(BLOCK) groupedKernel(const __grid_constant__ ConvShape s, const __grid_constant__ ConvPieces x, const float* w, const float* bias, T* y) {
  const int64_t count = static_cast<int64_t>(s.outVoxels()) * s.co;
  const int inGroup = s.inGroup(), outGroup = s.outGroup();
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * BLOCK + threadIdx.x; i < count; i += static_cast<int64_t>(gridDim.x) * BLOCK) {
    int voxel = static_cast<int>(i / s.co);
    const int o = static_cast<int>(i - static_cast<int64_t>(voxel) * s.co);
    const int ox = voxel % s.ow;
    voxel /= s.ow;
    const int oy = voxel % s.oh;
    voxel /= s.oh;
    const int oz = voxel % s.od, n = voxel / s.od;
    const float* const weights = w + static_cast<int64_t>(o) * s.taps() * inGroup;
    float sum = 0.0f;
    int channel = o / outGroup * inGroup, p = 0;
    for (int c = 0; c < inGroup; c++, channel++) {
      while (p + 1 < x.count && channel >= x.channels[p]) channel -= x.channels[p++];
      const T* const from = static_cast<const T*>(x.at[p]) + channel;
      const int pitch = x.channels[p];
      int tap = 0;
      for (int kz = 0; kz < s.kd; kz++) {
        const int z = oz * s.sd - s.pd + kz * s.dd;
        for (int ky = 0; ky < s.kh; ky++) {
          const int yy = oy * s.sh - s.ph + ky * s.dh;
          for (int kx = 0; kx < s.kw; kx++, tap++) {
            const int xx = ox * s.sw - s.pw + kx * s.dw;
            if (static_cast<unsigned>(z) >= static_cast<unsigned>(s.id) || static_cast<unsigned>(yy) >= static_cast<unsigned>(s.ih) || static_cast<unsigned>(xx) >= static_cast<unsigned>(s.iw)) continue;
            const int64_t at = ((static_cast<int64_t>(n) * s.id + z) * s.ih + yy) * s.iw + xx;
            sum += toFloat(from[at * pitch]) * weights[static_cast<int64_t>(tap) * inGroup + c];
          }
        }
      }
    }
    y[i] = fromFloat<T>(bias != nullptr ? sum + bias[o] : sum);
  }
}

/** Whether taps of step `d` reach from position q of x back to an output, and to which. */
__device__ __forceinline__ bool outputOf(int reach, int stride, int size, int& p) {
  if (reach < 0 || reach % stride != 0) return false;
  p = reach / stride;
  return p < size;
}

template <class T>
__global__ void __launch_bounds__(BLOCK) groupedTransposeKernel(const __grid_constant__ ConvShape s, const T* y, const float* w, const float* bias, int begin, int channels, T* x) {
  const int64_t count = static_cast<int64_t>(s.inVoxels()) * channels;
  const int inGroup = s.inGroup(), outGroup = s.outGroup();
  const int64_t row = static_cast<int64_t>(s.taps()) * inGroup;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * BLOCK + threadIdx.x; i < count; i += static_cast<int64_t>(gridDim.x) * BLOCK) {
    int voxel = static_cast<int>(i / channels);
    const int mine = static_cast<int>(i - static_cast<int64_t>(voxel) * channels), channel = begin + mine;
    const int qx = voxel % s.iw;
    voxel /= s.iw;
    const int qy = voxel % s.ih;
    voxel /= s.ih;
    const int qz = voxel % s.id, n = voxel / s.id;
    const int firstOut = channel / inGroup * outGroup;
    const float* const weights = w + firstOut * row + channel % inGroup;
    float sum = 0.0f;
    int tap = 0;
    for (int kz = 0; kz < s.kd; kz++) {
      for (int ky = 0; ky < s.kh; ky++) {
        for (int kx = 0; kx < s.kw; kx++, tap++) {
          int z, yy, xx;
          if (!outputOf(qz + s.pd - kz * s.dd, s.sd, s.od, z) || !outputOf(qy + s.ph - ky * s.dh, s.sh, s.oh, yy) || !outputOf(qx + s.pw - kx * s.dw, s.sw, s.ow, xx)) continue;
          const int64_t at = ((static_cast<int64_t>(n) * s.od + z) * s.oh + yy) * s.ow + xx;
          const T* const from = y + at * s.co + firstOut;
          const float* const weight = weights + static_cast<int64_t>(tap) * inGroup;
#pragma unroll 4
          for (int o = 0; o < outGroup; o++) sum += toFloat(from[o]) * weight[o * row];
        }
      }
    }
    x[i] = fromFloat<T>(bias != nullptr ? sum + bias[mine] : sum);
  }
}

/** Whether groups of the result are too small for tiles. */
bool sparse(const ConvShape& s, int resultGroup) { return s.groups > 1 && resultGroup < TILE_CHANNELS / 2; }

}  // namespace

void convPlain(const Args& args, const ConvShape& s, const ConvPieces& x, const float* w, const float* bias, void* y, DType dtype) {
  withFloat(dtype, [&](auto type) {
    using T = decltype(type);
    if (sparse(s, s.outGroup())) {
      launch(args, groupedKernel<T>, gridFor(static_cast<int64_t>(s.outVoxels()) * s.co), BLOCK, 0, s, x, w, bias, static_cast<T*>(y));
    } else {
      gather<T>(args, gatherOf(s, false), x, s.inGroup() % 4 == 0 && x.packed(4), w, bias, static_cast<T*>(y));
    }
  });
}

void convTransposePlain(const Args& args, const ConvShape& s, const ConvPieces& y, const float* w, const float* bias, int channelBegin, int channelCount, void* x, DType dtype) {
  withFloat(dtype, [&](auto type) {
    using T = decltype(type);
    if (sparse(s, s.inGroup())) {
      launch(args, groupedTransposeKernel<T>, gridFor(static_cast<int64_t>(s.inVoxels()) * channelCount), BLOCK, 0, s, static_cast<const T*>(y.at[0]), w, bias, channelBegin, channelCount, static_cast<T*>(x));
      return;
    }
    Gather g = gatherOf(s, true);
    g.outBegin = channelBegin;
    g.outCount = channelCount;
    gather<T>(args, g, y, s.outGroup() % 4 == 0, w, bias, static_cast<T*>(x));
  });
}

}  // namespace revoxel
