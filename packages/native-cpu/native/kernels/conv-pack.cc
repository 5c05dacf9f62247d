// Sizes, checks and weight packing of the convolution kernels: everything that depends on the shape alone.
// The layouts and formulas are documented in conv.h; the TypeScript side mirrors them.
#include <cstdint>

#include "conv.h"

namespace revoxel {
namespace {

int64_t ceil16(int64_t a) { return (a + 15) / 16 * 16; }

int64_t blockPad(int64_t rest) { return rest <= 4 ? 4 : (rest + 7) / 8 * 8; }

int64_t tapCount(const ConvShape& s) { return s.kd * s.kh * s.kw; }

int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

/**
 * Packs `groups` matrices per tap: element (row, column) of tap t of group g is read at
 * w + g * groupStep + column * columnStep + row * rowStep + t * tapStep.
 */
void pack(const float* w, float* out, int64_t groups, int64_t rows, int64_t columns, int64_t taps,
          int64_t groupStep, int64_t rowStep, int64_t columnStep, int64_t tapStep) {
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t first = 0; first < columns; first += 32) {
      const int64_t lanes = min64(32, columns - first);
      const int64_t width = lanes == 32 ? 32 : blockPad(lanes);
      for (int64_t t = 0; t < taps; ++t) {
        const float* tap = w + g * groupStep + first * columnStep + t * tapStep;
        for (int64_t r = 0; r < rows; ++r) {
          const float* source = tap + r * rowStep;
          for (int64_t c = 0; c < lanes; ++c) out[c] = source[c * columnStep];
          for (int64_t c = lanes; c < width; ++c) out[c] = 0.0f;
          out += width;
        }
      }
    }
  }
  for (int i = 0; i < 32; ++i) out[i] = 0.0f;
}

}  // namespace

const char* convCheck(const ConvShape& s) {
  if (s.n < 1 || s.ci < 1 || s.id < 1 || s.ih < 1 || s.iw < 1) return "convolution: input sizes must be >= 1";
  if (s.co < 1 || s.od < 1 || s.oh < 1 || s.ow < 1) return "convolution: output sizes must be >= 1";
  if (s.kd < 1 || s.kh < 1 || s.kw < 1) return "convolution: kernel sizes must be >= 1";
  if (s.sd < 1 || s.sh < 1 || s.sw < 1) return "convolution: strides must be >= 1";
  if (s.dd < 1 || s.dh < 1 || s.dw < 1) return "convolution: dilations must be >= 1";
  if (s.pd < 0 || s.ph < 0 || s.pw < 0) return "convolution: padding must be >= 0";
  if (s.groups < 1 || s.ci % s.groups || s.co % s.groups) return "convolution: groups must divide both channel counts";
  return nullptr;
}

double convFlops(const ConvShape& s) {
  return 2.0 * static_cast<double>(s.n * s.od * s.oh * s.ow) *
         static_cast<double>(s.co * (s.ci / s.groups) * tapCount(s));
}

int64_t channelPad(int64_t channels) {
  const int64_t rest = channels % 32;
  return channels - rest + (rest ? blockPad(rest) : 0);
}

int64_t packForwardSize(const ConvShape& s) {
  return s.groups * channelPad(s.co / s.groups) * tapCount(s) * (s.ci / s.groups) + 32;
}

int64_t packInputGradSize(const ConvShape& s) {
  return s.groups * channelPad(s.ci / s.groups) * tapCount(s) * (s.co / s.groups) + 32;
}

void packForward(const ConvShape& s, const float* w, float* out) {
  const int64_t cig = s.ci / s.groups, cog = s.co / s.groups, taps = tapCount(s);
  pack(w, out, s.groups, cig, cog, taps, cog * taps * cig, 1, taps * cig, cig);
}

void packInputGrad(const ConvShape& s, const float* w, float* out) {
  const int64_t cig = s.ci / s.groups, cog = s.co / s.groups, taps = tapCount(s);
  pack(w, out, s.groups, cog, cig, taps, cog * taps * cig, taps * cig, 1, cig);
}

int64_t convForwardScratch(const ConvShape& s, int) { return ceil16(s.ci); }

int64_t convInputGradScratch(const ConvShape& s, int) { return ceil16(s.co); }

int64_t convWeightGradScratch(const ConvShape& s, int threads) {
  const int64_t cig = s.ci / s.groups, elements = s.co * tapCount(s) * cig;
  const int64_t bias = ceil16(2 * threads * s.co);
  if (cig < 8) {
    return bias + threads * (ceil16(elements) + ceil16(s.kd * s.kh * ((s.ow - 1) * s.sw + (s.kw - 1) * s.dw + 1) * cig));
  }
  const int64_t copies = min64(threads, (int64_t{1} << 22) / elements);
  return bias + (copies > 1 ? (copies - 1) * ceil16(elements) : 0);
}

}  // namespace revoxel
