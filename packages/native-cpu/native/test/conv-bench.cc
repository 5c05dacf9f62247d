// Speed of the convolution kernels beside the measured multiply-add peak and, where built in, oneDNN in the same
// run. Prints a Markdown table. Usage: conv-bench [threads] [repetitions] [substring of a shape's name]
//
// Times are CPU seconds of the process over threads, the best of the repetitions: on a shared machine that leaves
// out the time in which others ran (run it with OMP_WAIT_POLICY=passive, or waiting at barriers counts as work).
// Own kernel and oneDNN take turns, so that both meet the same neighbours.
// FLOPs count taps on padding (conv.h, convFlops). Weights are packed once, outside the timed part.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "conv-cases.h"
#include "conv-oracle.h"
#include "peak.h"
#if defined(REVOXEL_HAVE_ONEDNN)
#include "../kernels/onednn.h"
#endif

using namespace revoxel;

namespace {

/** Least CPU seconds per thread of each of two functions, in turns; the second may be empty. */
struct Pair {
  double own, other;
};

Pair best(int repetitions, int threads, const std::function<void()>& own, const std::function<void()>& other) {
  Pair least{1e30, 1e30};
  for (int i = 0; i <= repetitions; ++i) {
    for (double* slot : {&least.own, &least.other}) {
      const std::function<void()>& run = slot == &least.own ? own : other;
      if (!run) continue;
      const double start = cpuSeconds();
      run();
      const double time = (cpuSeconds() - start) / threads;
      if (i > 0) *slot = std::min(*slot, time);  // the first round warms up
    }
  }
  return least;
}

float* allocate(int64_t count) {
  void* memory = nullptr;
  if (posix_memalign(&memory, 2 << 20, static_cast<size_t>(count) * sizeof(float) + 64)) std::abort();
  return static_cast<float*>(memory);
}

float* filled(int64_t count, uint32_t seed) {
  const std::vector<float> values = testValues(count, seed);
  float* memory = allocate(count);
  std::memcpy(memory, values.data(), values.size() * sizeof(float));
  return memory;
}

#if defined(REVOXEL_HAVE_ONEDNN)
/** One pass through oneDNN on the same tensors; an empty function where it refuses the shape. */
std::function<void()> oneDnnCall(const ConvShape& s, const Pieces& x, const std::vector<Piece>& grads, Pass pass,
                                 const float* w, const float* dy, float* y, float* dw, float* dbias,
                                 const float* bias, int threads, std::vector<float*>& memory) {
  std::vector<int64_t> channels;
  for (int64_t i = 0; i < x.count; ++i) channels.push_back(x.items[i].channels);
  for (const int64_t& count : channels) {
    if (!onednnSupports(s, pass, &count, 1, threads)) return {};
  }
  if (pass != Pass::InputGrad && !onednnSupports(s, pass, channels.data(), x.count, threads)) return {};
  float* scratch = allocate(onednnScratch(s, pass, channels.data(), x.count, threads) + 16);
  memory.push_back(scratch);
  std::vector<float*> parts;
  if (pass != Pass::WeightGrad) {
    int64_t size = 0, begin = 0;
    for (const int64_t count : channels) size += onednnPackedSize(s, pass, count, threads);
    float* next = allocate(size);
    memory.push_back(next);
    for (const int64_t count : channels) {
      parts.push_back(next);
      onednnPack(s, pass, w, begin, count, next, threads);
      next += onednnPackedSize(s, pass, count, threads);
      begin += count;
    }
  }
  return [=, &s, &x, &grads] {
    if (pass == Pass::Forward) onednnForward(s, x, parts[0], bias, y, scratch, threads);
    if (pass == Pass::WeightGrad) onednnWeightGrad(s, x, dy, dw, dbias, scratch, threads);
    if (pass != Pass::InputGrad) return;
    int64_t first = 0;
    for (size_t i = 0; i < grads.size(); ++i) {
      onednnInputGrad(s, dy, parts[i], bias, const_cast<float*>(grads[i].data), first, grads[i].channels, scratch, threads);
      first += grads[i].channels;
    }
  };
}
#endif

void benchCase(const ConvCase& c, int threads, int repetitions, double peak, bool transposed, bool inputGrad) {
  const ConvShape& s = c.shape;
  const int64_t voxelsIn = s.n * s.id * s.ih * s.iw, voxelsOut = s.n * s.od * s.oh * s.ow;
  const int64_t weights = s.co * s.kd * s.kh * s.kw * (s.ci / s.groups);
  std::vector<Piece> pieces, grads;
  const std::vector<int64_t> counts = c.pieces.empty() ? std::vector<int64_t>{s.ci} : c.pieces;
  for (size_t i = 0; i < counts.size(); ++i) {
    pieces.push_back({filled(voxelsIn * counts[i], static_cast<uint32_t>(i + 1)), counts[i]});
    grads.push_back({allocate(voxelsIn * counts[i]), counts[i]});
  }
  float *w = filled(weights, 7), *dy = filled(voxelsOut * s.co, 8), *y = allocate(voxelsOut * s.co);
  float *dw = allocate(weights), *dbias = allocate(s.co), *bias = filled(std::max(s.ci, s.co), 9);
  float *packed = allocate(packForwardSize(s)), *packedGrad = allocate(packInputGradSize(s));
  float* scratch = allocate(std::max({convForwardScratch(s, threads), convInputGradScratch(s, threads),
                                      convWeightGradScratch(s, threads)}));
  packForward(s, w, packed);
  packInputGrad(s, w, packedGrad);
  const Pieces x{pieces.data(), static_cast<int64_t>(pieces.size())};
  const double gflop = convFlops(s) * 1e-9;

  for (const Pass pass : {Pass::Forward, Pass::InputGrad, Pass::WeightGrad}) {
    if (pass == Pass::InputGrad && !inputGrad) continue;
    const auto ownCall = [&] {
      if (pass == Pass::Forward) convForward(s, x, packed, bias, y, scratch, threads);
      if (pass == Pass::WeightGrad) convWeightGrad(s, x, dy, dw, dbias, scratch, threads);
      if (pass != Pass::InputGrad) return;
      int64_t begin = 0;
      for (const Piece& g : grads) {
        convInputGrad(s, dy, packedGrad, transposed ? bias : nullptr, const_cast<float*>(g.data), begin, g.channels,
                      scratch, threads);
        begin += g.channels;
      }
    };
    std::function<void()> otherCall;
    std::vector<float*> memory;
#if defined(REVOXEL_HAVE_ONEDNN)
    const bool withBias = transposed || pass == Pass::Forward;
    otherCall = oneDnnCall(s, x, grads, pass, w, dy, y, dw, dbias, withBias ? bias : nullptr, threads, memory);
#endif
    const Pair times = best(repetitions, threads, ownCall, otherCall);
    const double own = times.own;
    char other[64] = "-";
    if (otherCall) std::snprintf(other, sizeof other, "%.0f", gflop / times.other);
    for (float* p : memory) std::free(p);
    std::printf("| %s | %s | %.3f | %.0f | %.0f | %s |\n", c.name.c_str(),
                pass == Pass::Forward ? "forward" : pass == Pass::InputGrad ? "input grad" : "weight grad", own * 1e3,
                gflop / own, peak > 0 ? 100 * gflop / own / peak : 0.0, other);
    std::fflush(stdout);
  }
  for (const Piece& p : pieces) std::free(const_cast<float*>(p.data));
  for (const Piece& p : grads) std::free(const_cast<float*>(p.data));
  for (float* p : {w, dy, y, dw, dbias, bias, packed, packedGrad, scratch}) std::free(p);
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : static_cast<int>(std::thread::hardware_concurrency());
  const int repetitions = argc > 2 ? std::atoi(argv[2]) : 7;
  const std::string only = argc > 3 ? argv[3] : "";
  const Triple one{1, 1, 1}, two{2, 2, 2}, three{3, 3, 3}, zero{0, 0, 0};
  const auto same = [&](int64_t ci, int64_t co, Triple in) { return makeShape(1, ci, in, co, three, one, one, one); };
  struct Entry {
    ConvCase c;
    bool transposed, inputGrad;
  };
  const std::vector<Entry> entries = {
      {{"16->16 @40x56x40", same(16, 16, {40, 56, 40}), {}}, false, true},
      {{"32->32 @40x56x40", same(32, 32, {40, 56, 40}), {}}, false, true},
      {{"32->32 @64x64x64", same(32, 32, {64, 64, 64}), {}}, false, true},
      {{"24->24 @40x56x40", same(24, 24, {40, 56, 40}), {}}, false, true},
      {{"64->64 @20x28x20", same(64, 64, {20, 28, 20}), {}}, false, true},
      {{"128->128 @10x14x10", same(128, 128, {10, 14, 10}), {}}, false, true},
      {{"256->256 @5x7x5", same(256, 256, {5, 7, 5}), {}}, false, true},
      {{"320->320 @4x4x4", same(320, 320, {4, 4, 4}), {}}, false, true},
      {{"32->64 s2 @40x56x40", makeShape(1, 32, {40, 56, 40}, 64, three, two, one, one), {}}, false, true},
      {{"64->128 s2 @20x28x20", makeShape(1, 64, {20, 28, 20}, 128, three, two, one, one), {}}, false, true},
      {{"up k2 s2 64->32 @20x28x20", makeShape(1, 32, {40, 56, 40}, 64, two, two, zero, zero), {}}, true, true},
      {{"up k2 s2 128->64 @10x14x10", makeShape(1, 64, {20, 28, 20}, 128, two, two, zero, zero), {}}, true, true},
      {{"32+32->32 @40x56x40", same(64, 32, {40, 56, 40}), {32, 32}}, false, true},
      {{"64+64->64 @20x28x20", same(128, 64, {20, 28, 20}), {64, 64}}, false, true},
      {{"1->16 @40x56x40", same(1, 16, {40, 56, 40}), {}}, false, false},
      {{"1->32 @40x56x40", same(1, 32, {40, 56, 40}), {}}, false, false},
      {{"16->3 k1 @40x56x40", makeShape(1, 16, {40, 56, 40}, 3, one, one, zero, zero), {}}, false, true},
      {{"32->3 k1 @40x56x40", makeShape(1, 32, {40, 56, 40}, 3, one, one, zero, zero), {}}, false, true},
      {{"2D 32->32 @256x256", makeShape(1, 32, {1, 256, 256}, 32, {1, 3, 3}, one, {0, 1, 1}, {0, 1, 1}), {}}, false, true},
  };
  const double peak = measurePeak(threads);
  std::printf("%s, %d threads, measured fp32 peak %.0f GFLOP/s, best of %d, CPU time per thread\n\n", isaName(convIsa()), threads, peak,
              repetitions);
  std::printf("| shape | pass | ms | GFLOP/s | %% of peak | oneDNN GFLOP/s |\n|---|---|---|---|---|---|\n");
  for (const Entry& e : entries) {
    if (e.c.name.find(only) == std::string::npos) continue;
    benchCase(e.c, threads, repetitions, peak, e.transposed, e.inputGrad);
  }
  return 0;
}
