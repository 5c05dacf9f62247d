// The weight-gradient kernel: a register tile of MR broadcast lanes by NV vectors of L lanes is kept in registers
// while whole rows of voxels pass by, then added to memory once. Included after simd.inl.
//
// The vector operand is read in whole vectors that never leave the `before + lanes` elements the caller owns per
// voxel: a rest of lanes is computed with a vector moved back to end at the last lane, of which only the new lanes
// are stored; what has no room for that is done in single floats.

namespace revoxel {
namespace REVOXEL_ISA_NAMESPACE {

static __attribute__((noinline)) void addFew(float* out, const float* lanes, int64_t first, int64_t last, bool add) {
  for (int64_t i = first; i < last; ++i) out[i] = add ? out[i] + lanes[i] : lanes[i];
}

template <class T, int L, int NV, int MR, bool SCATTERED>
static void sweepTile(const SweepJob<T>& job, const int64_t* offsets, int64_t lane, int64_t skip) {
  Vec<L> acc[MR][NV];
  REVOXEL_UNROLL
  for (int m = 0; m < MR; ++m) {
    REVOXEL_UNROLL
    for (int v = 0; v < NV; ++v) acc[m][v] = splat<L>(0.0f);
  }
  const int64_t aStep = job.aStep, bStep = job.bStep;
  for (int64_t r = 0; r < job.rowCount; ++r) {
    const SweepRow<T>& row = job.rows[r];
    const T* a = row.a + lane;
    const T* b = row.b;
    const T* p[MR];
    if constexpr (SCATTERED) {
      for (int m = 0; m < MR; ++m) p[m] = b + offsets[m];
    }
    int64_t shift = 0;
    for (int64_t i = 0; i < row.count; ++i) {
      Vec<L> va[NV];
      REVOXEL_UNROLL
      for (int v = 0; v < NV; ++v) va[v] = load<L>(a + v * L);
      REVOXEL_UNROLL
      for (int m = 0; m < MR; ++m) {
        const Vec<L> value = splat<L>(widen(SCATTERED ? p[m] + shift : b + m));
        REVOXEL_UNROLL
        for (int v = 0; v < NV; ++v) acc[m][v] = fma<L>(va[v], value, acc[m][v]);
      }
      a += aStep;
      if constexpr (SCATTERED) {
        shift += bStep;
      } else {
        b += bStep;
      }
    }
  }
  REVOXEL_UNROLL
  for (int m = 0; m < MR; ++m) {
    float* out = job.out + m * job.outStep + lane;
    if (skip == 0) {
      REVOXEL_UNROLL
      for (int v = 0; v < NV; ++v) {
        Vec<L> sum = acc[m][v];
        if (job.add) sum += load<L>(out + v * L);
        store<L>(out + v * L, sum);
      }
    } else if constexpr (L > 1) {  // a moved-back vector (NV is 1): lanes below `skip` belong to the one before
      float lanes[L];
      __builtin_memcpy(lanes, &acc[m][0], sizeof lanes);
      addFew(out, lanes, skip, L, job.add);
    }
  }
}

template <class T>
using SweepFunction = void (*)(const SweepJob<T>&, const int64_t*, int64_t, int64_t);

template <class T, int L, int NV, int MR, bool SCATTERED>
REVOXEL_INLINE SweepFunction<T> sweepFor(int64_t count) {
  if constexpr (MR > 1) {
    if (count < MR) return sweepFor<T, L, NV, MR - 1, SCATTERED>(count);
  }
  return &sweepTile<T, L, NV, MR, SCATTERED>;
}

/** All b-lanes against one run of vector lanes, in tiles of at most MR b-lanes, as equal as possible. */
template <class T, int L, int NV, int TALL, bool SCATTERED>
static void sweepLanes(const SweepJob<T>& job, const int64_t* offsets, int64_t count, int64_t lane, int64_t skip) {
  // Scattered lanes need a pointer each: more than nine (a third of a 3x3x3 kernel) would live in memory anyway.
  constexpr int LIMIT = sizeof(T) == sizeof(float) ? TALL : (TALL + 1) / 2;
  constexpr int MR = SCATTERED && LIMIT > 9 ? 9 : LIMIT;
  const int64_t tiles = (count + MR - 1) / MR;
  const int64_t small = count / tiles, large = count % tiles;
  SweepRow<T> moved[64];
  int64_t m = 0;
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t size = small + (t < large ? 1 : 0);
    SweepJob<T> part = job;
    part.out = job.out + m * job.outStep;
    if constexpr (!SCATTERED) {
      for (int64_t r = 0; r < job.rowCount; ++r) moved[r] = {job.rows[r].a, job.rows[r].b + m, job.rows[r].count};
      part.rows = moved;
    }
    sweepFor<T, L, NV, MR, SCATTERED>(size)(part, SCATTERED ? offsets + m : nullptr, lane, skip);
    m += size;
  }
}

/** Cuts the vector lanes into register widths of this instruction set. */
template <class T, bool SCATTERED>
static void sweepAll(const SweepJob<T>& job, const int64_t* offsets, int64_t count, int64_t lanes, int64_t before) {
  int64_t lane = 0;
  while (lane < lanes) {
    const int64_t rest = lanes - lane;
#if REVOXEL_ISA_LEVEL == 2
    if (rest >= 32) {
      sweepLanes<T, 16, 2, 12, SCATTERED>(job, offsets, count, lane, 0);
      lane += 32;
      continue;
    }
    if (rest >= 24) {
      sweepLanes<T, 8, 3, 8, SCATTERED>(job, offsets, count, lane, 0);
      lane += 24;
      continue;
    }
    if (rest >= 16) {
      sweepLanes<T, 16, 1, 16, SCATTERED>(job, offsets, count, lane, 0);
      lane += 16;
      continue;
    }
#endif
#if REVOXEL_ISA_LEVEL == 1
    if (rest >= 24 && rest < 32) {
      sweepLanes<T, 8, 3, 4, SCATTERED>(job, offsets, count, lane, 0);
      lane += 24;
      continue;
    }
    if (rest >= 16) {
      sweepLanes<T, 8, 2, 6, SCATTERED>(job, offsets, count, lane, 0);
      lane += 16;
      continue;
    }
#endif
#if REVOXEL_ISA_LEVEL >= 1
    if (rest >= 8) {
      sweepLanes<T, 8, 1, 8, SCATTERED>(job, offsets, count, lane, 0);
      lane += 8;
      continue;
    }
#elif defined(__aarch64__)
    if (rest >= 16) {
      sweepLanes<T, 4, 4, 6, SCATTERED>(job, offsets, count, lane, 0);
      lane += 16;
      continue;
    }
#else
    if (rest >= 8) {
      sweepLanes<T, 4, 2, 5, SCATTERED>(job, offsets, count, lane, 0);
      lane += 8;
      continue;
    }
#endif
    if (rest >= 4) {
      sweepLanes<T, 4, 1, 8, SCATTERED>(job, offsets, count, lane, 0);
      lane += 4;
    } else if (lane + before + rest >= 4) {
      sweepLanes<T, 4, 1, 8, SCATTERED>(job, offsets, count, lane + rest - 4, 4 - rest);
      lane += rest;
    } else {
      sweepLanes<T, 1, 1, 8, SCATTERED>(job, offsets, count, lane, 0);
      lane += 1;
    }
  }
}

template <class T>
static void sweep(const SweepJob<T>& job, int64_t count, int64_t lanes, int64_t before) {
  sweepAll<T, false>(job, nullptr, count, lanes, before);
}

template <class T>
static void sweepScattered(const SweepJob<T>& job, const int64_t* offsets, int64_t count, int64_t lanes,
                           int64_t before) {
  sweepAll<T, true>(job, offsets, count, lanes, before);
}

template <class T>
REVOXEL_INLINE const ConvKernels<T>& kernels() {
  static constexpr ConvKernels<T> table = {&gather<T>, &sweep<T>, &sweepScattered<T>};
  return table;
}

}  // namespace REVOXEL_ISA_NAMESPACE
}  // namespace revoxel
