// Driver of the weight and bias gradients.
//
// Wide inputs (>= 8 channels a group): vectors run over input channels, output channels are broadcast, and the
// register tiles add into dw itself. Threads form a grid: V groups of voxel rows, each with its own copy of dw
// (group 0 uses dw), times a split of the taps and output channels. Rows come in chunks that stay in cache while
// all taps pass over them.
// Narrow inputs (first layers, depthwise): vectors run over output channels, and the kernel * channel values that
// meet an output voxel are the broadcast lanes, read from zero-padded copies of the input rows in scratch.
#include <cstring>

#include "conv-driver.h"

namespace revoxel {
namespace {

constexpr int64_t CHUNK_VOXELS = 128;
constexpr int64_t CHUNK_ROWS = 64;   // the kernels' row table
constexpr int64_t LANES_AT_ONCE = 48;

int64_t divideDown(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
int64_t divideUp(int64_t a, int64_t b) { return -divideDown(-a, b); }
int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

struct OutputRow {
  int64_t n, d, h;
};

OutputRow outputRow(const ConvShape& s, int64_t row) {
  return {row / (s.od * s.oh), row / s.oh % s.od, row % s.oh};
}

/** Rows [first, last) of dy against tap (kd, kh, kw) of a source; rows that meet only padding are left out. */
template <class T>
int64_t tapRows(const ConvShape& s, const GatherSource<T>& source, const T* dy, int64_t first, int64_t last,
                int64_t kd, int64_t kh, int64_t kw, SweepRow<T>* rows) {
  const int64_t shift = kw * s.dw - s.pw;  // input column = output column * sw + shift
  const int64_t begin = max64(0, divideUp(-shift, s.sw));
  const int64_t end = min64(s.ow, divideDown(s.iw - 1 - shift, s.sw) + 1);
  if (begin >= end) return 0;
  int64_t count = 0;
  for (int64_t r = first; r < last; ++r) {
    const OutputRow at = outputRow(s, r);
    const int64_t d = at.d * s.sd - s.pd + kd * s.dd, h = at.h * s.sh - s.ph + kh * s.dh;
    if (d < 0 || d >= s.id || h < 0 || h >= s.ih) continue;
    const int64_t column = ((at.n * s.id + d) * s.ih + h) * s.iw + begin * s.sw + shift;
    rows[count++] = {source.data + column * source.stride, dy + (r * s.ow + begin) * s.co, end - begin};
  }
  return count;
}

/** One thread's share of the wide case: rows [first, last), items [firstItem, lastItem) of taps * coBlocks. */
template <class T>
void wideShare(const ConvShape& s, const PiecesOf<T>& x, const T* dy, float* dw, int64_t coBlocks, int64_t first,
               int64_t last, int64_t firstItem, int64_t lastItem) {
  const ConvKernels<T>& kernels = convKernels<T>();
  const int64_t cig = s.ci / s.groups, cog = s.co / s.groups, taps = s.kd * s.kh * s.kw;
  const int64_t chunk = max64(1, min64(CHUNK_ROWS, CHUNK_VOXELS / s.ow));
  SweepRow<T> rows[CHUNK_ROWS];
  GatherSource<T> sources[CONV_MAX_PIECES];
  for (int64_t row = first; row == first || row < last; row += chunk) {
    const int64_t stop = min64(row + chunk, last);
    for (int64_t g = 0; g < s.groups; ++g) {
      const int64_t sourceCount = slicePieces(x, g * cig, (g + 1) * cig, sources);
      for (int64_t item = firstItem; item < lastItem;) {
        const int64_t tap = item / coBlocks;
        const int64_t itemEnd = min64(lastItem, (tap + 1) * coBlocks);
        const int64_t co = cog * (item % coBlocks) / coBlocks;
        const int64_t coEnd = cog * (itemEnd - tap * coBlocks) / coBlocks;
        for (int64_t i = 0; i < sourceCount; ++i) {
          SweepJob<T> job;
          job.rows = rows;
          job.rowCount = tapRows(s, sources[i], dy + g * cog + co, row, stop, tap / (s.kh * s.kw), tap / s.kw % s.kh,
                                 tap % s.kw, rows);
          job.aStep = s.sw * sources[i].stride;
          job.bStep = s.co;
          job.out = dw + ((g * cog + co) * taps + tap) * cig + sources[i].weightRow;
          job.outStep = taps * cig;
          job.add = row != first;
          if (job.rowCount == 0 && job.add) continue;
          kernels.sweep(job, coEnd - co, sources[i].count, 0);
        }
        item = itemEnd;
      }
    }
  }
}

/** Copies the input rows that output row `at` reads, [kd][kh][width][cig], zeros where they lie on padding. */
template <class T>
void fillPatch(const ConvShape& s, const GatherSource<T>* sources, int64_t sourceCount, const OutputRow& at,
               int64_t width, int64_t cig, T* patch) {
  const int64_t left = min64(s.pw, width);
  const int64_t right = max64(left, min64(width, s.iw + s.pw));  // columns [left, right) lie inside the input
  for (int64_t kd = 0; kd < s.kd; ++kd) {
    for (int64_t kh = 0; kh < s.kh; ++kh, patch += width * cig) {
      const int64_t d = at.d * s.sd - s.pd + kd * s.dd, h = at.h * s.sh - s.ph + kh * s.dh;
      if (d < 0 || d >= s.id || h < 0 || h >= s.ih) {
        std::memset(static_cast<void*>(patch), 0, static_cast<size_t>(width * cig) * sizeof(T));
        continue;
      }
      std::memset(static_cast<void*>(patch), 0, static_cast<size_t>(left * cig) * sizeof(T));
      std::memset(static_cast<void*>(patch + right * cig), 0, static_cast<size_t>((width - right) * cig) * sizeof(T));
      const int64_t inputRow = ((at.n * s.id + d) * s.ih + h) * s.iw - s.pw;
      for (int64_t i = 0; i < sourceCount; ++i) {
        const GatherSource<T>& source = sources[i];
        if (source.stride == cig) {
          std::memcpy(static_cast<void*>(patch + left * cig), source.data + (inputRow + left) * cig,
                      static_cast<size_t>((right - left) * cig) * sizeof(T));
          continue;
        }
        for (int64_t w = left; w < right; ++w) {
          for (int64_t c = 0; c < source.count; ++c) {
            patch[w * cig + source.weightRow + c] = source.data[(inputRow + w) * source.stride + c];
          }
        }
      }
    }
  }
}

/** One thread's rows of the narrow case; sum is [group][tap * cig][co / groups]. */
template <class T>
void narrowShare(const ConvShape& s, const PiecesOf<T>& x, const T* dy, float* sum, T* patch, int64_t first,
                 int64_t last) {
  const ConvKernels<T>& kernels = convKernels<T>();
  const int64_t cig = s.ci / s.groups, cog = s.co / s.groups, lanes = s.kd * s.kh * s.kw * cig;
  const int64_t width = (s.ow - 1) * s.sw + (s.kw - 1) * s.dw + 1;
  if (first >= last) std::memset(sum, 0, static_cast<size_t>(s.groups * lanes * cog) * sizeof(float));
  GatherSource<T> sources[CONV_MAX_PIECES];
  for (int64_t row = first; row < last; ++row) {
    for (int64_t g = 0; g < s.groups; ++g) {
      const int64_t sourceCount = slicePieces(x, g * cig, (g + 1) * cig, sources);
      fillPatch(s, sources, sourceCount, outputRow(s, row), width, cig, patch);
      const SweepRow<T> dyRow{dy + row * s.ow * s.co + g * cog, patch, s.ow};
      for (int64_t lane = 0; lane < lanes; lane += LANES_AT_ONCE) {
        const int64_t count = min64(LANES_AT_ONCE, lanes - lane);
        int64_t offsets[LANES_AT_ONCE];
        for (int64_t m = 0; m < count; ++m) {
          const int64_t channel = (lane + m) % cig, tap = (lane + m) / cig;
          offsets[m] = (tap / s.kw * width + tap % s.kw * s.dw) * cig + channel;
        }
        SweepJob<T> job;
        job.rows = &dyRow;
        job.rowCount = 1;
        job.aStep = s.co;
        job.bStep = s.sw * cig;
        job.out = sum + (g * lanes + lane) * cog;
        job.outStep = cog;
        job.add = row != first;
        kernels.sweepScattered(job, offsets, count, cog, g * cog);
      }
    }
  }
}

/** Sums dy over voxels [first, last) into doubles: short float sums first, so that rounding stays far below 1e-6. */
template <class T>
void biasShare(const T* dy, int64_t co, int64_t first, int64_t last, double* sum) {
  for (int64_t c = 0; c < co; ++c) sum[c] = 0.0;
  for (int64_t v = first; v < last; v += 64) {
    const int64_t stop = min64(v + 64, last);
    for (int64_t c = 0; c < co; c += 64) {
      const int64_t lanes = min64(64, co - c);
      float part[64] = {};
      for (int64_t i = v; i < stop; ++i) {
        const T* row = dy + i * co + c;
        for (int64_t k = 0; k < lanes; ++k) {
          if constexpr (sizeof(T) == sizeof(float)) {
            part[k] += row[k];
          } else {
            part[k] += bf16ToFloat(row[k]);
          }
        }
      }
      for (int64_t k = 0; k < lanes; ++k) sum[c + k] += part[k];
    }
  }
}

}  // namespace

template <class T>
void convWeightGrad(const ConvShape& s, const PiecesOf<T>& x, const T* dy, float* dw, float* dbias, void* scratch,
                    int threads) {
  requireShape(s, threads);
  requirePieces(s, x);
  const int64_t cig = s.ci / s.groups, cog = s.co / s.groups, taps = s.kd * s.kh * s.kw;
  const int64_t elements = s.co * taps * cig, rows = s.n * s.od * s.oh, voxels = rows * s.ow;
  double* biasSums = static_cast<double*>(scratch);
  float* rest = static_cast<float*>(scratch) + ceil16(2 * threads * s.co);
  const auto bias = [&](int t) {
    if (dbias) biasShare(dy, s.co, voxels * t / threads, voxels * (t + 1) / threads, biasSums + t * s.co);
  };

  if (cig < 8) {
    const int64_t width = (s.ow - 1) * s.sw + (s.kw - 1) * s.dw + 1;
    const int64_t share = ceil16(elements) + ceil16(s.kd * s.kh * width * cig);
    forThreads(threads, [&](int t) {
      float* sum = rest + t * share;
      narrowShare(s, x, dy, sum, reinterpret_cast<T*>(sum + ceil16(elements)), rows * t / threads,
                  rows * (t + 1) / threads);
      bias(t);
    });
    for (int64_t co = 0; co < s.co; ++co) {
      const float* source = rest + co / cog * (taps * cig * cog) + co % cog;
      for (int64_t lane = 0; lane < taps * cig; ++lane) {
        float total = source[lane * cog];
        for (int t = 1; t < threads; ++t) total += source[t * share + lane * cog];
        dw[co * taps * cig + lane] = total;
      }
    }
  } else {
    const int64_t copies = max64(1, min64(threads, (int64_t{1} << 22) / elements));
    const int64_t split = threads / copies;  // threads that share a copy
    // Enough items for an even split, but tiles of output channels no smaller than needed.
    const int64_t coBlocks = split == 1 ? 1 : max64(1, min64(cog / 24, 4 * split));
    forThreads(threads, [&](int t) {
      const int64_t copy = t / split, part = t % split;
      if (copy < copies) {
        wideShare(s, x, dy, copy == 0 ? dw : rest + (copy - 1) * ceil16(elements), coBlocks, rows * copy / copies,
                  rows * (copy + 1) / copies, taps * coBlocks * part / split, taps * coBlocks * (part + 1) / split);
      }
      bias(t);
    });
    if (copies > 1) {
      forThreads(threads, [&](int t) {
        const int64_t first = elements * t / threads, last = elements * (t + 1) / threads;
        for (int64_t copy = 1; copy < copies; ++copy) {
          const float* source = rest + (copy - 1) * ceil16(elements);
          for (int64_t i = first; i < last; ++i) dw[i] += source[i];
        }
      });
    }
  }

  if (dbias) {
    for (int64_t c = 0; c < s.co; ++c) {
      double total = 0.0;
      for (int t = 0; t < threads; ++t) total += biasSums[t * s.co + c];
      dbias[c] = static_cast<float>(total);
    }
  }
}

template void convWeightGrad<float>(const ConvShape&, const PiecesOf<float>&, const float*, float*, float*, void*, int);
template void convWeightGrad<Bf16>(const ConvShape&, const PiecesOf<Bf16>&, const Bf16*, float*, float*, void*, int);

}  // namespace revoxel
