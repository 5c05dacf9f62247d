// resize: nearest copies voxels. Linear first blends the four rows around an output row into one row of floats, over all
// voxels and channels at once, then blends neighbours along W.
#include "resize-axes.h"

#include <cmath>

#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

int64_t ceil16(int64_t n) { return (n + 15) / 16 * 16; }

Axis tableOf(char*& at, bool linear, int64_t from, int64_t to) {
  Sample* const samples = reinterpret_cast<Sample*>(at);
  at += static_cast<int64_t>(sizeof(Sample)) * to;
  Run* const runs = reinterpret_cast<Run*>(at);
  at += static_cast<int64_t>(sizeof(Sample)) * from;
  for (int64_t i = 0; i < from; i++) runs[i] = {0, -1};
  for (int64_t o = 0; o < to; o++) {
    int64_t low, high;
    double weight = 0;
    if (linear) {
      double position = (static_cast<double>(o) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
      if (position < 0) position = 0;
      if (position > static_cast<double>(from - 1)) position = static_cast<double>(from - 1);
      low = static_cast<int64_t>(position);
      high = low + 1 < from ? low + 1 : from - 1;
      weight = position - static_cast<double>(low);
    } else {
      low = o * from / to;
      if (low > from - 1) low = from - 1;
      high = low;
    }
    samples[o] = {static_cast<int32_t>(low), static_cast<int32_t>(high), static_cast<float>(weight), 0};
    // Source indices grow with o, so the outputs of one source index are a run.
    for (const int64_t i : {low, high}) {
      if (runs[i].last < runs[i].first) runs[i].first = static_cast<int32_t>(o);
      runs[i].last = static_cast<int32_t>(o);
    }
  }
  return {samples, runs};
}

REVOXEL_CLONES void blend4(const float* a, const float* b, const float* c, const float* d, float wa, float wb, float wc, float wd, float* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) y[i] = (wa * a[i] + wb * b[i]) + (wc * c[i] + wd * d[i]);
}

REVOXEL_CLONES void blend2(const float* a, const float* b, float weight, float* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) y[i] = (1.0f - weight) * a[i] + weight * b[i];
}

void resizeNearest(const Args& args, const ResizeTables& tables, const Volume& xs, const Volume& ys) {
  const Tensor &x = args.in[0], &y = args.out[0];
  const int64_t unit = bytesOf(x.dtype), voxel = xs.c * unit;
  parallelRange(args.threads, ys.n * ys.d * ys.h, ys.w * ys.c, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const int64_t n = row / (ys.d * ys.h), z = row / ys.h % ys.d, yy = row % ys.h;
      const char* const source = x.as<const char>() + xs.at(n, tables.d.samples[z].low, tables.h.samples[yy].low, 0) * unit;
      char* const target = y.as<char>() + ys.at(n, z, yy, 0) * unit;
      for (int64_t xx = 0; xx < ys.w; xx++) std::memcpy(target + xx * voxel, source + tables.w.samples[xx].low * voxel, static_cast<size_t>(voxel));
    }
  });
}

}  // namespace

ResizeTables::ResizeTables(const Args& args, bool linear, const Volume& small, const Volume& large) {
  const int64_t entries = small.d + small.h + small.w + large.d + large.h + large.w;
  const int64_t tableBytes = ceil16(static_cast<int64_t>(sizeof(Sample)) * entries);
  rowStride = ceil16((small.w > large.w ? small.w : large.w) * small.c);
  char* at = args.scratchOf<char>(tableBytes + 4 * rowStride * args.threads);
  rows = reinterpret_cast<float*>(at + tableBytes);
  d = tableOf(at, linear, small.d, large.d);
  h = tableOf(at, linear, small.h, large.h);
  w = tableOf(at, linear, small.w, large.w);
}

void resize(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<ResizeAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  const Volume xs = Volume::of(x), ys = Volume::of(y);
  args.require(x.dtype == y.dtype && xs.n == ys.n && xs.c == ys.c, "operand and result differ");
  const bool linear = attrs.mode == ResizeMode::linear;
  const ResizeTables tables(args, linear, xs, ys);
  if (!linear) return resizeNearest(args, tables, xs, ys);
  args.require(x.dtype == DType::f32 || x.dtype == DType::bf16, "linear resize wants floats");
  const int64_t parts = y.count < 2 * GRAIN ? 1 : args.threads;
  parallelParts(args.threads, parts, [&](int64_t part) {
    const Share share = shareOf(ys.n * ys.d * ys.h, part, parts);
    float* const blended = tables.row(part);
    float wide[4][CHUNK], out[CHUNK];
    for (int64_t row = share.begin; row < share.end; row++) {
      const int64_t n = row / (ys.d * ys.h), z = row / ys.h % ys.d, yy = row % ys.h;
      const Sample &sz = tables.d.samples[z], &sy = tables.h.samples[yy];
      const int64_t from[4] = {xs.at(n, sz.low, sy.low, 0), xs.at(n, sz.low, sy.high, 0), xs.at(n, sz.high, sy.low, 0), xs.at(n, sz.high, sy.high, 0)};
      const float uz = 1.0f - sz.weight, uy = 1.0f - sy.weight;
      for (int64_t i = 0; i < xs.w * xs.c; i += CHUNK) {
        const int64_t m = xs.w * xs.c - i < CHUNK ? xs.w * xs.c - i : CHUNK;
        const float* source[4];
        for (int k = 0; k < 4; k++) source[k] = loadChunk(x, from[k] + i, m, wide[k]);
        blend4(source[0], source[1], source[2], source[3], uz * uy, uz * sy.weight, sz.weight * uy, sz.weight * sy.weight, blended + i, m);
      }
      for (int64_t xx = 0; xx < ys.w; xx++) {
        const Sample& sx = tables.w.samples[xx];
        for (int64_t c0 = 0; c0 < ys.c; c0 += CHUNK) {
          const int64_t m = ys.c - c0 < CHUNK ? ys.c - c0 : CHUNK;
          const int64_t at = ys.at(n, z, yy, xx) + c0;
          float* const target = targetChunk(y, at, out);
          blend2(blended + sx.low * ys.c + c0, blended + sx.high * ys.c + c0, sx.weight, target, m);
          storeChunk(y, at, m, target);
        }
      }
    }
  });
}

}  // namespace revoxel::ops
