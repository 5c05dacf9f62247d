// The gather kernel: register tiles of MR result voxels by NV vectors of L result channels, accumulated over all
// taps and source channels before the single store. Included after simd.inl (see there for the rules).
//
// A tile is done in two moves. A program is written first, out of line and once for every tile shape: one step per
// tap (and piece of the input) that says where its source values and weights are. Taps that meet only padding give
// no step. Then the tile function of the right size runs the program with all sums in registers; it holds nothing
// but two loops, and calls nothing, because compilers keep sums in registers only there.
//
// Per source channel a tile loads NV packed weight vectors and broadcasts MR source values. Inside the volume the
// voxels of a tile are a constant distance apart; at its border, and in tiles that run over row ends, each voxel
// has its own pointer, which is to zeros where the tap falls on padding.

namespace revoxel {
namespace REVOXEL_ISA_NAMESPACE {

struct TilePosition {
  int64_t n, d, h, w;
};

/** `count` source channels against as many packed rows. Voxel m is at x + m * stride, or at p[m] where p is set. */
template <class T>
struct Step {
  const T* x;
  const T* const* p;
  const float* w;
  int64_t stride;
  int64_t count;
};

constexpr int MAX_TALL = 20;          // voxels of the tallest tile
constexpr int MAX_STEPS = 64;         // of one program; longer ones run in turns
constexpr int64_t MAX_STRIP = 128;    // elements of one padded copy of a stretch of a row
constexpr int64_t MAX_STRIPS = 2048;  // elements of all copies of one program

/** The steps of a tile, or the next of them, and where the writing of steps stands. */
template <class T>
struct Program {
  Step<T> steps[MAX_STEPS];
  int count;
  bool done;
  int64_t a, b, c;  // next tap
  int64_t stripUsed;
  const T* pointers[MAX_STEPS][MAX_TALL];
  T strips[MAX_STRIPS];
  T* out[MAX_TALL];                // result voxels
  TilePosition source[MAX_TALL];   // of a flat tile: source coordinates before the tap's offset, n in planes
};

/**
 * Runs a program. Sums start from start + m * startStep (floats, NV * L of them a voxel) and end in out[m], rounded
 * to T, or in acc + m * NV * L where out is null.
 */
template <class T, int L, int NV, int MR>
static void runTile(const Step<T>* steps, int count, int64_t width, const float* start, int64_t startStep, float* acc,
                    T* const* out) {
  Vec<L> sum[MR][NV];
  REVOXEL_UNROLL
  for (int m = 0; m < MR; ++m) {
    REVOXEL_UNROLL
    for (int v = 0; v < NV; ++v) sum[m][v] = load<L>(start + m * startStep + v * L);
  }
  for (int i = 0; i < count; ++i) {
    const Step<T>& step = steps[i];
    const float* w = step.w;
    if (step.p == nullptr) {
      // One pointer for every three voxels: x86 addresses then are pointer, pointer + stride, pointer + 2 * stride.
      constexpr int BASES = (MR + 2) / 3;
      const int64_t stride = step.stride;
      const T* base[BASES];
      REVOXEL_UNROLL
      for (int b = 0; b < BASES; ++b) base[b] = step.x + 3 * b * stride;
      for (int64_t c = step.count; c > 0; --c) {
        Vec<L> row[NV];
        REVOXEL_UNROLL
        for (int v = 0; v < NV; ++v) row[v] = load<L>(w + v * L);
        w += width;
        REVOXEL_UNROLL
        for (int m = 0; m < MR; ++m) {
          const Vec<L> value = splat<L>(widen(base[m / 3] + (m % 3) * stride));
          REVOXEL_UNROLL
          for (int v = 0; v < NV; ++v) sum[m][v] = fma<L>(row[v], value, sum[m][v]);
        }
        REVOXEL_UNROLL
        for (int b = 0; b < BASES; ++b) ++base[b];
      }
    } else {
      const T* p[MR];
      REVOXEL_UNROLL
      for (int m = 0; m < MR; ++m) p[m] = step.p[m];
      const int64_t channels = step.count;
      for (int64_t c = 0; c < channels; ++c) {
        Vec<L> row[NV];
        REVOXEL_UNROLL
        for (int v = 0; v < NV; ++v) row[v] = load<L>(w + v * L);
        w += width;
        REVOXEL_UNROLL
        for (int m = 0; m < MR; ++m) {
          const Vec<L> value = splat<L>(widen(p[m] + c));
          REVOXEL_UNROLL
          for (int v = 0; v < NV; ++v) sum[m][v] = fma<L>(row[v], value, sum[m][v]);
        }
      }
    }
  }
  REVOXEL_UNROLL
  for (int m = 0; m < MR; ++m) {
    REVOXEL_UNROLL
    for (int v = 0; v < NV; ++v) {
      if (out) {
        store<L>(out[m] + v * L, sum[m][v]);
      } else {
        store<L>(acc + (m * NV + v) * L, sum[m][v]);
      }
    }
  }
}

template <class T>
using TileFunction = void (*)(const Step<T>*, int, int64_t, const float*, int64_t, float*, T* const*);

/** The tile function for `count` voxels, 1 <= count <= MR. */
template <class T, int L, int NV, int MR>
REVOXEL_INLINE TileFunction<T> tileFor(int64_t count) {
  if constexpr (MR > 1) {
    if (count < MR) return tileFor<T, L, NV, MR - 1>(count);
  }
  return &runTile<T, L, NV, MR>;
}

REVOXEL_INLINE bool inside(int64_t i, int64_t size) { return (uint64_t)i < (uint64_t)size; }

REVOXEL_INLINE void nextVoxel(TilePosition& p, int64_t gd, int64_t gh, int64_t gw) {
  if (++p.w < gw) return;
  p.w = 0;
  if (++p.h < gh) return;
  p.h = 0;
  if (++p.d < gd) return;
  p.d = 0;
  ++p.n;
}

/** Copies `voxels` neighbouring voxels of a row from coordinate `first` on, zeros where there are none. */
template <class T>
REVOXEL_INLINE void fillStrip(const GatherJob<T>& job, int64_t row, int64_t first, int64_t voxels, T* strip) {
  const int64_t channels = job.depth, all = voxels * channels;
  int64_t begin = first < 0 ? -first * channels : 0, end = (job.srcW - first) * channels;
  if (end > all) end = all;
  if (end < begin) begin = end = all;
  const T* source = job.sources[0].data + (row + first) * channels;
  for (int64_t i = 0; i < begin; ++i) strip[i] = job.zeros[0];
  for (int64_t i = begin; i < end; ++i) strip[i] = source[i];
  for (int64_t i = end; i < all; ++i) strip[i] = job.zeros[0];
}

/** Starts the program of a tile of `tall` voxels from `at` on: result pointers, coordinates, first tap. */
template <class T>
static void beginTile(const GatherJob<T>& job, int64_t channel, const TilePosition& at, int tall,
                      Program<T>& program) {
  program.a = program.b = program.c = 0;
  T* out = job.out + at.n * job.outSample + at.d * job.outDepth + at.h * job.outRow + at.w * job.outStep + channel;
  if (!job.flat) {
    for (int m = 0; m < tall; ++m) program.out[m] = out + m * job.outStep;
    return;
  }
  TilePosition p = at;
  for (int m = 0; m < tall; ++m) {
    program.out[m] =
        job.out + p.n * job.outSample + p.d * job.outDepth + p.h * job.outRow + p.w * job.outStep + channel;
    program.source[m] = {p.n * job.srcD, p.d * job.d.mul, p.h * job.h.mul, p.w * job.w.mul};
    nextVoxel(p, job.gd, job.gh, job.gw);
  }
}

/** Pointers of a flat tile's voxels under one tap of one source; false where all are padding. */
template <class T>
REVOXEL_INLINE bool flatPointers(const GatherJob<T>& job, const GatherSource<T>& source, const Program<T>& program,
                                 int tall, int64_t offD, int64_t offH, int64_t offW, const T** p) {
  bool any = false;
  for (int m = 0; m < tall; ++m) {
    const TilePosition& at = program.source[m];
    const int64_t d = at.d + offD, h = at.h + offH, w = at.w + offW;
    const bool hit = inside(d, job.srcD) && inside(h, job.srcH) && inside(w, job.srcW);
    p[m] = hit ? source.data + (((at.n + d) * job.srcH + h) * job.srcW + w) * source.stride : job.zeros;
    any |= hit;
  }
  return any;
}

/** Writes the tile's next steps: all that are left, or as many as fit. `weights` is the run's first lane. */
template <class T>
static __attribute__((noinline)) void writeSteps(const GatherJob<T>& job, const float* weights, int64_t width,
                                                 const TilePosition& at, int tall, Program<T>& program) {
  program.count = 0;
  program.stripUsed = 0;
  program.done = false;
  for (; program.a < job.d.count; ++program.a, program.b = 0) {
    const int64_t offD = job.d.offset + program.a * job.d.offsetStep;
    const int64_t sd = at.d * job.d.mul + offD;
    if (!job.flat && !inside(sd, job.srcD)) continue;
    for (; program.b < job.h.count; ++program.b, program.c = 0) {
      const int64_t offH = job.h.offset + program.b * job.h.offsetStep;
      const int64_t sh = at.h * job.h.mul + offH;
      if (!job.flat && !inside(sh, job.srcH)) continue;
      const int64_t row = ((at.n * job.srcD + sd) * job.srcH + sh) * job.srcW;
      const int64_t tapRow =
          ((job.d.first + program.a * job.d.step) * job.kh + job.h.first + program.b * job.h.step) * job.kw;
      while (program.c < job.w.count) {
        if (program.count + job.sourceCount > MAX_STEPS || program.stripUsed + MAX_STRIP > MAX_STRIPS) return;
        const int64_t c = program.c++;
        const int64_t offW = job.w.offset + c * job.w.offsetStep;
        const float* w = weights + (tapRow + job.w.first + c * job.w.step) * job.depth * width;
        Step<T>* step = program.steps + program.count;
        if (job.flat) {
          bool any = false;
          for (int64_t s = 0; s < job.sourceCount; ++s) {
            const GatherSource<T>& source = job.sources[s];
            const T** p = program.pointers[program.count + s];
            any = flatPointers(job, source, program, tall, offD, offH, offW, p);
            step[s] = {nullptr, p, w + source.weightRow * width, 0, source.count};
          }
          if (any) program.count += static_cast<int>(job.sourceCount);
          continue;
        }
        const int64_t sw = at.w * job.w.mul + offW, swEnd = sw + (tall - 1) * job.w.mul;  // first and last voxel
        const bool whole = sw >= 0 && swEnd < job.srcW;
        if (job.joined) {
          // Neighbouring taps read neighbouring voxels and a voxel is one source: they make one long run. With few
          // channels a padded copy of the row's stretch costs less than pointers where the run leaves the row.
          const int64_t left = job.w.count - c, fit = job.srcW - swEnd, stretch = swEnd - sw + left;
          if (c == 0 && (sw < 0 || fit < left) && stretch * job.depth <= MAX_STRIP) {
            T* strip = program.strips + program.stripUsed;
            fillStrip(job, row, sw, stretch, strip);
            program.stripUsed += stretch * job.depth;
            *step = {strip, nullptr, w, job.w.mul * job.depth, job.depth * left};
            ++program.count;
            program.c = job.w.count;
            continue;
          }
          if (whole) {
            const int64_t taps = fit < left ? fit : left;
            *step = {job.sources[0].data + (row + sw) * job.depth, nullptr, w, job.w.mul * job.depth, job.depth * taps};
            ++program.count;
            program.c += taps - 1;
            continue;
          }
        }
        if (swEnd < 0 || sw >= job.srcW) continue;
        for (int64_t s = 0; s < job.sourceCount; ++s) {
          const GatherSource<T>& source = job.sources[s];
          const T* first = source.data + (row + sw) * source.stride;
          const T** p = nullptr;
          if (!whole) {
            p = program.pointers[program.count];
            for (int m = 0; m < tall; ++m) {
              const int64_t column = m * job.w.mul;
              p[m] = inside(sw + column, job.srcW) ? first + column * source.stride : job.zeros;
            }
          }
          program.steps[program.count++] = {first, p, w + source.weightRow * width, job.w.mul * source.stride,
                                            source.count};
        }
      }
    }
  }
  program.done = true;
}

/** One tile: writes its program and runs it, in turns where it is long. `lanes` of the tile's `wide` are stored. */
template <class T>
static void gatherTile(const GatherJob<T>& job, const GatherBlock& block, int64_t lane, int wide, int tall,
                       const TilePosition& at, TileFunction<T> run, Program<T>& program) {
  alignas(64) float acc[24 * 16];  // every tile's sums fit 24 vectors of 16
  const int64_t lanes = block.lanes - lane;
  const float* start = block.bias + lane;
  int64_t startStep = 0;
  beginTile(job, block.outOffset + lane, at, tall, program);
  for (;;) {
    writeSteps(job, block.w + lane, block.width, at, tall, program);
    const bool direct = program.done && lanes >= wide;
    run(program.steps, program.count, block.width, start, startStep, acc, direct ? program.out : nullptr);
    if (direct) return;
    if (program.done) break;
    start = acc;
    startStep = wide;
  }
  for (int m = 0; m < tall; ++m) {
    for (int64_t i = 0; i < lanes; ++i) narrow(acc[m * wide + i], program.out[m] + i);
  }
}

/**
 * One run of NV * L lanes over units [first, last): tiles of at most MR voxels, as equal as possible. Stored
 * bfloat16 gets tiles half as tall: its widening hides their lower reuse, and the build is shorter.
 */
template <class T, int L, int NV, int TALL>
static void gatherLanes(const GatherJob<T>& job, const GatherBlock& block, int64_t lane, int64_t first,
                        int64_t last) {
  constexpr int MR = sizeof(T) == sizeof(float) ? TALL : (TALL + 1) / 2;
  static_assert(MR <= MAX_TALL && MR * NV * L <= 24 * 16, "gatherTile's buffers");
  const int64_t length = job.flat ? last - first : job.gw;
  const int64_t rows = job.flat ? 1 : last - first;
  const int64_t tiles = (length + MR - 1) / MR;
  if (tiles == 0) return;
  const int64_t small = length / tiles, large = length % tiles;  // `large` tiles of small + 1 voxels come first
  const TileFunction<T> smallTile = tileFor<T, L, NV, MR>(small);
  const TileFunction<T> largeTile = large ? tileFor<T, L, NV, MR>(small + 1) : smallTile;
  Program<T> program;
  TilePosition at;
  int64_t rest = job.flat ? first : first * job.gw;
  at.w = rest % job.gw;
  rest /= job.gw;
  at.h = rest % job.gh;
  rest /= job.gh;
  at.d = rest % job.gd;
  at.n = rest / job.gd;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t tall = small + (t < large ? 1 : 0);
      gatherTile(job, block, lane, NV * L, static_cast<int>(tall), at, t < large ? largeTile : smallTile, program);
      at.w += tall;
      while (at.w >= job.gw) {
        at.w -= job.gw;
        if (++at.h == job.gh) {
          at.h = 0;
          if (++at.d == job.gd) at.d = 0, ++at.n;
        }
      }
    }
  }
}

/** Cuts a block's lanes into register widths of this instruction set. */
template <class T>
static void gather(const GatherJob<T>& job, const GatherBlock& block, int64_t first, int64_t last) {
  int64_t lane = 0;
  while (lane < block.lanes) {
    const int64_t rest = block.lanes - lane;
#if REVOXEL_ISA_LEVEL == 2
    if (rest > 24) {
      gatherLanes<T, 16, 2, 12>(job, block, lane, first, last);
      lane += 32;
    } else if (rest > 16) {
      gatherLanes<T, 8, 3, 8>(job, block, lane, first, last);
      lane += 24;
    } else if (rest > 8) {
      gatherLanes<T, 16, 1, 14>(job, block, lane, first, last);
      lane += 16;
    } else if (rest > 4) {
      gatherLanes<T, 8, 1, 8>(job, block, lane, first, last);
      lane += 8;
    } else {
      gatherLanes<T, 4, 1, 8>(job, block, lane, first, last);
      lane += 4;
    }
#elif REVOXEL_ISA_LEVEL == 1
    if (rest > 16 && rest <= 24) {
      gatherLanes<T, 8, 3, 4>(job, block, lane, first, last);
      lane += 24;
    } else if (rest > 8) {
      gatherLanes<T, 8, 2, 6>(job, block, lane, first, last);
      lane += 16;
    } else if (rest > 4) {
      gatherLanes<T, 8, 1, 8>(job, block, lane, first, last);
      lane += 8;
    } else {
      gatherLanes<T, 4, 1, 8>(job, block, lane, first, last);
      lane += 4;
    }
#elif defined(__aarch64__)
    if (rest > 8) {
      gatherLanes<T, 4, 4, 6>(job, block, lane, first, last);
      lane += 16;
    } else if (rest > 4) {
      gatherLanes<T, 4, 2, 10>(job, block, lane, first, last);
      lane += 8;
    } else {
      gatherLanes<T, 4, 1, 8>(job, block, lane, first, last);
      lane += 4;
    }
#else
    if (rest > 4) {
      gatherLanes<T, 4, 2, 5>(job, block, lane, first, last);
      lane += 8;
    } else {
      gatherLanes<T, 4, 1, 8>(job, block, lane, first, last);
      lane += 4;
    }
#endif
  }
}

}  // namespace REVOXEL_ISA_NAMESPACE
}  // namespace revoxel
