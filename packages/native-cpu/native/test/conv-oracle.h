// The oracle of the convolution tests: seven loops in double, straight from the definition in kernels/conv.h, and
// the sum of the terms' magnitudes next to every result, which is what rounding errors are measured against.
// Never optimised, shares no code with the kernels.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "../kernels/conv.h"

namespace revoxel {

/** A value and the sum of the magnitudes of its terms. */
struct Sums {
  std::vector<double> value, magnitude;
  explicit Sums(int64_t size) : value(static_cast<size_t>(size)), magnitude(static_cast<size_t>(size)) {}
  void add(int64_t at, double term) {
    value[static_cast<size_t>(at)] += term;
    magnitude[static_cast<size_t>(at)] += std::fabs(term);
  }
};

struct Oracle {
  Sums y, dx, dw, dbias;
};

/** All passes for contiguous x [n,id,ih,iw,ci], w, dy; forwardBias [co] and gradBias [ci] may be empty. */
inline Oracle convOracle(const ConvShape& s, const std::vector<float>& x, const std::vector<float>& w,
                         const std::vector<float>& dy, const std::vector<float>& forwardBias,
                         const std::vector<float>& gradBias) {
  const int64_t cig = s.ci / s.groups, cog = s.co / s.groups;
  Oracle out{Sums(s.n * s.od * s.oh * s.ow * s.co), Sums(s.n * s.id * s.ih * s.iw * s.ci),
             Sums(s.co * s.kd * s.kh * s.kw * cig), Sums(s.co)};
  const auto f = [](const std::vector<float>& v, int64_t i) { return static_cast<double>(v[static_cast<size_t>(i)]); };
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t od = 0; od < s.od; ++od)
      for (int64_t oh = 0; oh < s.oh; ++oh)
        for (int64_t ow = 0; ow < s.ow; ++ow)
          for (int64_t co = 0; co < s.co; ++co) {
            const int64_t o = (((n * s.od + od) * s.oh + oh) * s.ow + ow) * s.co + co;
            out.dbias.add(co, f(dy, o));
            if (!forwardBias.empty()) out.y.add(o, f(forwardBias, co));
            for (int64_t kd = 0; kd < s.kd; ++kd)
              for (int64_t kh = 0; kh < s.kh; ++kh)
                for (int64_t kw = 0; kw < s.kw; ++kw) {
                  const int64_t d = od * s.sd - s.pd + kd * s.dd, h = oh * s.sh - s.ph + kh * s.dh;
                  const int64_t v = ow * s.sw - s.pw + kw * s.dw;
                  if (d < 0 || d >= s.id || h < 0 || h >= s.ih || v < 0 || v >= s.iw) continue;
                  for (int64_t c = 0; c < cig; ++c) {
                    const int64_t ci = co / cog * cig + c;
                    const int64_t i = (((n * s.id + d) * s.ih + h) * s.iw + v) * s.ci + ci;
                    const int64_t k = (((co * s.kd + kd) * s.kh + kh) * s.kw + kw) * cig + c;
                    out.y.add(o, f(x, i) * f(w, k));
                    out.dx.add(i, f(dy, o) * f(w, k));
                    out.dw.add(k, f(dy, o) * f(x, i));
                  }
                }
          }
  if (!gradBias.empty()) {
    for (int64_t i = 0; i < static_cast<int64_t>(out.dx.value.size()); ++i) out.dx.add(i, f(gradBias, i % s.ci));
  }
  return out;
}

/** Repeatable values in [-1, 1): a linear congruential sequence, enough for tests. */
inline std::vector<float> testValues(int64_t size, uint32_t seed) {
  std::vector<float> out(static_cast<size_t>(size));
  uint32_t state = seed * 2654435761u + 12345u;
  for (float& v : out) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<float>(static_cast<int32_t>(state)) / 2147483648.0f;
  }
  return out;
}

}  // namespace revoxel
