// streamUpdate: the exponent of a stream for the next step. The results overlay the first two operands.
#include <cmath>

#include "ops.h"

namespace revoxel::ops {

namespace {

/** Smallest whole e with 2^e >= x, for x > 0. */
int ceilLog2(double x) {
  int exponent;
  return std::frexp(x, &exponent) == 0.5 ? exponent - 1 : exponent;
}

}  // namespace

void streamUpdate(const Args& args) {
  args.require(args.in.size() >= 2 && args.out.size() == 2 && args.in[1].count == 8 && args.out[1].count == 8, "expects exponent, monitor and stats");
  const int bits = static_cast<int>(args.attrs<StreamUpdateAttrs>().bits);
  double largest = 0, near = 0, clamped = 0, nan = 0;
  for (size_t i = 2; i < args.in.size(); i++) {
    args.require(args.in[i].count == 4, "stats must hold four numbers");
    const float* const stats = args.in[i].f32();
    if (static_cast<double>(stats[0]) > largest) largest = static_cast<double>(stats[0]);
    near += static_cast<double>(stats[1]);
    clamped += static_cast<double>(stats[2]);
    nan += static_cast<double>(stats[3]);
  }
  const float* const monitor = args.in[1].f32();
  const double old = static_cast<double>(args.in[0].f32()[0]);
  double g = old, streak = near + clamped > 0 ? static_cast<double>(monitor[0]) + 1 : 0;
  double quiet = largest < std::ldexp(1.0, bits - 1) / 16 ? static_cast<double>(monitor[1]) + 1 : 0;
  bool calibrated = monitor[2] != 0.0f;
  if (!calibrated) {
    if (near > 0) {
      g -= 2;
    } else if (largest > 0) {
      g = bits - 1 - ceilLog2(std::ldexp(4 * largest, -static_cast<int>(g)));
      calibrated = true;
    }
  } else if (near > 0 || streak >= 3) {
    g -= 1;
    streak = 0;
  } else if (quiet >= 1000) {
    g += 1;
    quiet = 0;
  }
  if (g < 0) g = 0;
  if (g > bits - 2) g = bits - 2;
  const double changes = static_cast<double>(monitor[7]) + (g == old ? 0 : 1);
  const double next[8] = {streak, quiet, calibrated ? 1.0 : 0.0, largest, near, clamped, nan, changes};
  args.out[0].f32()[0] = static_cast<float>(g);
  for (int i = 0; i < 8; i++) args.out[1].f32()[i] = static_cast<float>(next[i]);
}

}  // namespace revoxel::ops
