// Drivers of the forward pass and the input gradient: set up the gather problem (conv-job.h) and share it out.
//
// The result voxels are cut into parts of about a thousand, small enough that a part's source stays in a core's
// cache while all blocks of result channels and all phases of a strided gradient pass over it. An item is one
// part times one run of result channels; threads take equal, contiguous runs of items.
#include <cstring>

#include "conv-driver.h"

namespace revoxel {
namespace {

constexpr int64_t PART_VOXELS = 1024;
/** Rows shorter than this fill register tiles badly: tiles then run over row ends. */
constexpr int64_t SHORT_ROW = 8;

TapAxis forwardTaps(int64_t k, int64_t stride, int64_t pad, int64_t dilation) {
  return {0, 1, k, stride, -pad, dilation};
}

/** Taps that reach result coordinates of one residue modulo the stride: residue + pad - tap * dilation divides. */
TapAxis gradientTaps(int64_t k, int64_t stride, int64_t pad, int64_t dilation, int64_t residue) {
  TapAxis axis{0, 1, 0, 1, 0, 0};
  for (int64_t tap = 0; tap < k; ++tap) {
    const int64_t position = residue + pad - tap * dilation;
    if (position % stride != 0) continue;
    if (axis.count == 0) {
      axis.first = tap;
      axis.offset = position / stride;
    } else if (axis.count == 1) {
      axis.step = tap - axis.first;
      axis.offsetStep = position / stride - axis.offset;
    }
    ++axis.count;
  }
  return axis;
}

int64_t residueCount(int64_t size, int64_t stride, int64_t residue) {
  return residue < size ? (size - residue + stride - 1) / stride : 0;
}

/** Calls run(group, first, last) for every stretch of channels [first, last) (of the group) inside one block. */
template <class F>
void forRuns(int64_t groups, int64_t perGroup, int64_t begin, int64_t end, const F& run) {
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t low = begin > g * perGroup ? begin - g * perGroup : 0;
    const int64_t high = end < (g + 1) * perGroup ? end - g * perGroup : perGroup;
    for (int64_t c = low; c < high;) {
      const int64_t blockEnd = (c / 32 + 1) * 32;
      const int64_t stop = high < blockEnd ? high : blockEnd;
      run(g, c, stop);
      c = stop;
    }
  }
}

/** Where the packed lanes of a run start; rows = packed rows per block (taps * source channels of a group). */
GatherBlock blockOf(const float* packed, const float* bias, int64_t g, int64_t perGroup, int64_t rows,
                    int64_t first, int64_t last) {
  const int64_t start = first / 32 * 32;
  const int64_t width = perGroup - start >= 32 ? 32 : channelPad(perGroup - start);
  GatherBlock block;
  block.w = packed + (g * channelPad(perGroup) + start) * rows + (first - start);
  block.width = width;
  block.lanes = last - first;
  block.outOffset = 0;
  std::memset(block.bias, 0, sizeof block.bias);
  if (bias) std::memcpy(block.bias, bias + g * perGroup + first, static_cast<size_t>(last - first) * sizeof(float));
  return block;
}

/**
 * Shares out the items. `jobOf(group, phase)` makes the gather problem; phase 0 has the largest grid.
 * Result channels [begin, end) of `groups * perGroup` are produced; the result's channel 0 is `begin`.
 */
template <class T, class F>
void gatherAll(int threads, int64_t groups, int64_t perGroup, int64_t begin, int64_t end, int64_t rows,
               const float* packed, const float* bias, int64_t phases, const F& jobOf) {
  const ConvKernels<T>& kernels = convKernels<T>();
  const GatherJob<T> largest = jobOf(0, 0);
  const int64_t voxels = largest.n * largest.gd * largest.gh * largest.gw;
  int64_t parts = (voxels + threads * PART_VOXELS - 1) / (threads * PART_VOXELS) * threads;
  if (voxels < parts * 32) parts = voxels < 32 ? 1 : voxels / 32;
  int64_t runs = 0;
  forRuns(groups, perGroup, begin, end, [&](int64_t, int64_t, int64_t) { ++runs; });
  const int64_t items = parts * runs;
  forThreads(threads, [&](int t) {
    const int64_t firstItem = items * t / threads, lastItem = items * (t + 1) / threads;
    for (int64_t part = firstItem / runs; part < parts && part * runs < lastItem; ++part) {
      int64_t item = part * runs;
      forRuns(groups, perGroup, begin, end, [&](int64_t g, int64_t first, int64_t last) {
        const int64_t index = item++;
        if (index < firstItem || index >= lastItem) return;
        GatherBlock block = blockOf(packed, bias, g, perGroup, rows, first, last);
        block.outOffset = g * perGroup + first - begin;
        for (int64_t phase = 0; phase < phases; ++phase) {
          const GatherJob<T> job = jobOf(g, phase);
          const int64_t units = job.n * job.gd * job.gh * (job.flat ? job.gw : 1);
          if (job.gw > 0) kernels.gather(job, block, units * part / parts, units * (part + 1) / parts);
        }
      });
    }
  });
}

}  // namespace

template <class T>
void convForward(const ConvShape& s, const PiecesOf<T>& x, const float* packed, const float* bias, T* y,
                 void* scratch, int threads) {
  requireShape(s, threads);
  requirePieces(s, x);
  std::memset(scratch, 0, static_cast<size_t>(ceil16(s.ci)) * sizeof(float));
  const int64_t cig = s.ci / s.groups, cog = s.co / s.groups;
  const auto jobOf = [&](int64_t g, int64_t) {
    GatherJob<T> job;
    job.n = s.n, job.gd = s.od, job.gh = s.oh, job.gw = s.ow;
    job.outStep = s.co;
    job.outRow = s.ow * job.outStep;
    job.outDepth = s.oh * job.outRow;
    job.outSample = s.od * job.outDepth;
    job.out = y;
    job.srcD = s.id, job.srcH = s.ih, job.srcW = s.iw;
    job.d = forwardTaps(s.kd, s.sd, s.pd, s.dd);
    job.h = forwardTaps(s.kh, s.sh, s.ph, s.dh);
    job.w = forwardTaps(s.kw, s.sw, s.pw, s.dw);
    job.kh = s.kh, job.kw = s.kw;
    job.sourceCount = slicePieces(x, g * cig, (g + 1) * cig, job.sources);
    job.depth = cig;
    job.zeros = static_cast<const T*>(scratch);
    job.flat = s.ow < SHORT_ROW;
    job.joined = !job.flat && s.dw == 1 && job.sourceCount == 1 && job.sources[0].stride == cig;
    return job;
  };
  gatherAll<T>(threads, s.groups, cog, 0, s.co, s.kd * s.kh * s.kw * cig, packed, bias, 1, jobOf);
}

template <class T>
void convInputGrad(const ConvShape& s, const T* dy, const float* packed, const float* bias, T* dx,
                   int64_t ciBegin, int64_t ciCount, void* scratch, int threads) {
  requireShape(s, threads);
  if (ciBegin < 0 || ciCount < 1 || ciBegin + ciCount > s.ci) {
    throw std::invalid_argument("convolution input gradient: channels " + std::to_string(ciBegin) + " + " +
                                std::to_string(ciCount) + " are not within " + std::to_string(s.ci));
  }
  std::memset(scratch, 0, static_cast<size_t>(ceil16(s.co)) * sizeof(float));
  const int64_t cig = s.ci / s.groups, cog = s.co / s.groups;
  const PieceOf<T> whole{dy, s.co};
  const auto jobOf = [&](int64_t g, int64_t phase) {
    const int64_t rw = phase % s.sw, rh = phase / s.sw % s.sh, rd = phase / (s.sw * s.sh);
    GatherJob<T> job;
    job.n = s.n;
    job.gd = residueCount(s.id, s.sd, rd);
    job.gh = residueCount(s.ih, s.sh, rh);
    job.gw = residueCount(s.iw, s.sw, rw);
    const int64_t row = s.iw * ciCount, plane = s.ih * row;
    job.outStep = s.sw * ciCount;
    job.outRow = s.sh * row;
    job.outDepth = s.sd * plane;
    job.outSample = s.id * plane;
    job.out = dx + rd * plane + rh * row + rw * ciCount;
    job.srcD = s.od, job.srcH = s.oh, job.srcW = s.ow;
    job.d = gradientTaps(s.kd, s.sd, s.pd, s.dd, rd);
    job.h = gradientTaps(s.kh, s.sh, s.ph, s.dh, rh);
    job.w = gradientTaps(s.kw, s.sw, s.pw, s.dw, rw);
    job.kh = s.kh, job.kw = s.kw;
    job.sourceCount = slicePieces(PiecesOf<T>{&whole, 1}, g * cog, (g + 1) * cog, job.sources);
    job.depth = cog;
    job.joined = false;  // taps step backwards
    job.zeros = static_cast<const T*>(scratch);
    job.flat = job.gw < SHORT_ROW;
    return job;
  };
  gatherAll<T>(threads, s.groups, cig, ciBegin, ciBegin + ciCount, s.kd * s.kh * s.kw * cog, packed, bias,
               s.sd * s.sh * s.sw, jobOf);
}

template void convForward<float>(const ConvShape&, const PiecesOf<float>&, const float*, const float*, float*, void*,
                                 int);
template void convForward<Bf16>(const ConvShape&, const PiecesOf<Bf16>&, const float*, const float*, Bf16*, void*,
                                int);
template void convInputGrad<float>(const ConvShape&, const float*, const float*, const float*, float*, int64_t,
                                   int64_t, void*, int);
template void convInputGrad<Bf16>(const ConvShape&, const Bf16*, const float*, const float*, Bf16*, int64_t, int64_t,
                                  void*, int);

}  // namespace revoxel
