// streamUpdate: the exponent of a stream for the next step, by one warp. The results overlay the first two operands.
#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** Places of the reports of some adds. */
constexpr int REPORTS = 128;
struct Reports {
  const float* at[REPORTS];
  int count;
};

/** Largest |k|, and the sums of the counts: whole numbers, exact in any order. */
struct Totals {
  double largest, near, clamped, nan;
};

/** Smallest whole e with 2^e >= x, for x > 0. */
__device__ int ceilLog2(double x) {
  int exponent;
  return frexp(x, &exponent) == 0.5 ? exponent - 1 : exponent;
}

__device__ Totals totalsOf(const Reports& reports) {
  Totals own{};
  for (int i = static_cast<int>(threadIdx.x); i < reports.count; i += 32) {
    const Pack<float, 4> stats = loadPack<float, 4>(reports.at[i]);
    own.largest = fmax(own.largest, static_cast<double>(stats.at[0]));
    own.near += static_cast<double>(stats.at[1]);
    own.clamped += static_cast<double>(stats.at[2]);
    own.nan += static_cast<double>(stats.at[3]);
  }
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    own.largest = fmax(own.largest, __shfl_xor_sync(0xffffffffu, own.largest, lanes));
    own.near += __shfl_xor_sync(0xffffffffu, own.near, lanes);
    own.clamped += __shfl_xor_sync(0xffffffffu, own.clamped, lanes);
    own.nan += __shfl_xor_sync(0xffffffffu, own.nan, lanes);
  }
  return own;
}

/** Streams with more adds than one launch takes leave their totals in `sums` in between. */
__global__ void __launch_bounds__(32) streamUpdateKernel(const __grid_constant__ Reports reports, bool first, bool last, Totals* sums, int bits, const int* status, const float* exponent, const float* monitor, float* newExponent, float* newMonitor) {
  Totals all = totalsOf(reports);
  if (threadIdx.x != 0) return;
  if (!first) {
    all.largest = fmax(all.largest, sums->largest);
    all.near += sums->near;
    all.clamped += sums->clamped;
    all.nan += sums->nan;
  }
  if (!last) {
    *sums = all;
    return;
  }
  if (status[0] != 0) return;
  const double old = static_cast<double>(exponent[0]);
  double g = old, streak = all.near + all.clamped > 0 ? static_cast<double>(monitor[0]) + 1 : 0;
  double quiet = all.largest < ldexp(1.0, bits - 1) / 16 ? static_cast<double>(monitor[1]) + 1 : 0;
  bool calibrated = monitor[2] != 0.0f;
  if (!calibrated) {
    if (all.near > 0) {
      g -= 2;
    } else if (all.largest > 0) {
      g = bits - 1 - ceilLog2(ldexp(4 * all.largest, -static_cast<int>(g)));
      calibrated = true;
    }
  } else if (all.near > 0 || streak >= 3) {
    g -= 1;
    streak = 0;
  } else if (quiet >= 1000) {
    g += 1;
    quiet = 0;
  }
  if (g < 0) g = 0;
  if (g > bits - 2) g = bits - 2;
  const double changes = static_cast<double>(monitor[7]) + (g == old ? 0 : 1);
  newExponent[0] = static_cast<float>(g);
  newMonitor[0] = static_cast<float>(streak);
  newMonitor[1] = static_cast<float>(quiet);
  newMonitor[2] = calibrated ? 1.0f : 0.0f;
  newMonitor[3] = static_cast<float>(all.largest);
  newMonitor[4] = static_cast<float>(all.near);
  newMonitor[5] = static_cast<float>(all.clamped);
  newMonitor[6] = static_cast<float>(all.nan);
  newMonitor[7] = static_cast<float>(changes);
}

}  // namespace

void streamUpdate(const Args& args) {
  args.require(args.in.size() >= 2 && args.out.size() == 2, "expects exponent, monitor and stats, and two results");
  for (size_t i = 0; i < args.in.size(); i++) args.require(args.in[i].dtype == DType::f32 && args.in[i].count == (i == 0 ? 1 : (i == 1 ? 8 : 4)), "an operand has the wrong size");
  args.require(args.out[0].count == 1 && args.out[1].count == 8, "a result has the wrong size");
  Totals* const sums = args.scratchOf<Totals>(1);
  const int bits = static_cast<int>(args.attrs<StreamUpdateAttrs>().bits);
  size_t next = 2;
  do {
    Reports reports{};
    const bool first = next == 2;
    while (next < args.in.size() && reports.count < REPORTS) reports.at[reports.count++] = args.in[next++].f32();
    launch(args, streamUpdateKernel, 1, 32, 0, reports, first, next == args.in.size(), sums, bits, args.status, args.in[0].f32(), args.in[1].f32(), args.out[0].f32(), args.out[1].f32());
  } while (next < args.in.size());
}

}  // namespace revoxel::ops
