// Convolution kernels against the double-precision oracle: every shape x instruction set x {1, 2, 3} threads, all
// passes, float and bfloat16. Exits 0 and prints "N passed, 0 failed" when every check holds.
//
// Buffers are allocated to the exact size and filled with NaN first, so that an unwritten result fails and, in the
// sanitizer build (make asan), a read past the end is found. Bounds: 1e-5 of the sum of the terms' magnitudes in
// float; in bfloat16 one rounding (2^-8 of the value) on top.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "conv-cases.h"
#include "conv-oracle.h"
#if defined(REVOXEL_HAVE_ONEDNN)
#include "../kernels/onednn.h"
#endif

using namespace revoxel;

namespace {

int passed = 0, failed = 0;

void report(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::printf("FAIL %s\n", what.c_str());
}

/** Exactly `count` elements, 64-byte aligned start, filled with a byte pattern that is a NaN in every type. */
template <class T>
class Buffer {
 public:
  explicit Buffer(int64_t count) : count_(count) {
    bytes_ = static_cast<size_t>(count) * sizeof(T);
    if (posix_memalign(&memory_, 64, bytes_ + (bytes_ == 0))) std::abort();
    std::memset(memory_, 0xff, bytes_);
  }
  ~Buffer() { std::free(memory_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* data() { return static_cast<T*>(memory_); }
  int64_t size() const { return count_; }

 private:
  void* memory_ = nullptr;
  size_t bytes_ = 0;
  int64_t count_;
};

void put(float v, float* p) { *p = v; }
void put(float v, Bf16* p) { *p = floatToBf16(v); }
double get(const float* p) { return *p; }
double get(const Bf16* p) { return bf16ToFloat(*p); }

template <class T>
double rounding() {
  return sizeof(T) == 2 ? 1.0 / 256 : 0.0;
}

/** Largest error in units of what is allowed; NaN counts as infinite. */
template <class T, class Index>
double worst(const T* got, int64_t count, const Sums& expected, double relative, const Index& index) {
  double result = 0;
  for (int64_t i = 0; i < count; ++i) {
    const size_t at = static_cast<size_t>(index(i));
    const double allowed = 1e-5 * expected.magnitude[at] + relative * std::fabs(expected.value[at]) + 1e-30;
    const double error = std::fabs(get(got + i) - expected.value[at]);
    if (!(error <= allowed * result)) result = error <= 1e300 ? error / allowed : 1e300;
  }
  return result;
}

/** Copies contiguous channels-last values into tensors of the given channel counts. */
template <class T>
struct SplitInput {
  std::vector<std::unique_ptr<Buffer<T>>> buffers;
  std::vector<PieceOf<T>> items;
  SplitInput(const std::vector<float>& x, int64_t channels, const std::vector<int64_t>& counts) {
    const int64_t voxels = static_cast<int64_t>(x.size()) / channels;
    int64_t start = 0;
    for (const int64_t count : counts) {
      buffers.push_back(std::make_unique<Buffer<T>>(voxels * count));
      T* data = buffers.back()->data();
      for (int64_t v = 0; v < voxels; ++v) {
        for (int64_t c = 0; c < count; ++c) put(x[static_cast<size_t>(v * channels + start + c)], data + v * count + c);
      }
      items.push_back({data, count});
      start += count;
    }
  }
  PiecesOf<T> pieces() const { return {items.data(), static_cast<int64_t>(items.size())}; }
};

template <class T>
void rounded(std::vector<float>& values) {
  for (float& v : values) {
    T stored;
    put(v, &stored);
    v = static_cast<float>(get(&stored));
  }
}

template <class T>
void testCase(const ConvCase& c, const std::vector<Isa>& isas) {
  const ConvShape& s = c.shape;
  const int64_t cig = s.ci / s.groups;
  std::vector<float> x = testValues(s.n * s.id * s.ih * s.iw * s.ci, 1), w = testValues(s.co * s.kd * s.kh * s.kw * cig, 2);
  std::vector<float> dy = testValues(s.n * s.od * s.oh * s.ow * s.co, 3);
  rounded<T>(x);
  rounded<T>(dy);
  const std::vector<float> none, bias = testValues(s.co, 4), gradBias = testValues(s.ci, 5);
  const Oracle want = convOracle(s, x, w, dy, bias, gradBias);
  const Oracle plain = convOracle(s, x, w, dy, none, none);
  const std::vector<int64_t> counts = c.pieces.empty() ? std::vector<int64_t>{s.ci} : c.pieces;
  const SplitInput<T> input(x, s.ci, counts);
  const SplitInput<T> gradient(dy, s.co, {s.co});
  const T* dyData = gradient.items[0].data;
  Buffer<float> packed(packForwardSize(s)), packedGrad(packInputGradSize(s));
  packForward(s, w.data(), packed.data());
  packInputGrad(s, w.data(), packedGrad.data());
  const auto same = [](int64_t i) { return i; };

  for (const Isa isa : isas) {
    setConvIsa(isa);
    for (const int threads : {1, 2, 3}) {
      const std::string where = c.name + (sizeof(T) == 2 ? " bf16 " : " f32 ") + isaName(isa) + " threads " +
                                std::to_string(threads);
      const auto check = [&](double error, const char* what) {
        report(error <= 1.0, where + " " + what + ": " + std::to_string(error) + " x allowed error");
      };
      for (const bool withBias : {true, false}) {
        Buffer<T> y(s.n * s.od * s.oh * s.ow * s.co);
        Buffer<float> scratch(convForwardScratch(s, threads));
        convForward<T>(s, input.pieces(), packed.data(), withBias ? bias.data() : nullptr, y.data(), scratch.data(),
                       threads);
        check(worst(y.data(), y.size(), withBias ? want.y : plain.y, rounding<T>(), same), "forward");

        int64_t begin = 0;
        for (const int64_t count : counts) {
          Buffer<T> dx(s.n * s.id * s.ih * s.iw * count);
          Buffer<float> gradScratch(convInputGradScratch(s, threads));
          convInputGrad<T>(s, dyData, packedGrad.data(), withBias ? gradBias.data() : nullptr, dx.data(), begin, count,
                           gradScratch.data(), threads);
          const int64_t first = begin;
          check(worst(dx.data(), dx.size(), withBias ? want.dx : plain.dx, rounding<T>(),
                      [&](int64_t i) { return i / count * s.ci + first + i % count; }),
                "input grad");
          begin += count;
        }

        Buffer<float> dw(static_cast<int64_t>(w.size())), dbias(s.co), weightScratch(convWeightGradScratch(s, threads));
        convWeightGrad<T>(s, input.pieces(), dyData, dw.data(), withBias ? dbias.data() : nullptr, weightScratch.data(),
                          threads);
        check(worst(dw.data(), dw.size(), want.dw, 0.0, same), "weight grad");
        if (withBias) check(worst(dbias.data(), dbias.size(), want.dbias, 0.0, same), "bias grad");
        if (withBias) {
          Buffer<float> again(static_cast<int64_t>(w.size()));
          std::memset(weightScratch.data(), 0x7f, static_cast<size_t>(weightScratch.size()) * sizeof(float));
          convWeightGrad<T>(s, input.pieces(), dyData, again.data(), dbias.data(), weightScratch.data(), threads);
          report(std::memcmp(again.data(), dw.data(), w.size() * sizeof(float)) == 0, where + " weight grad repeats to the bit");
        }
      }
    }
  }
}

#if defined(REVOXEL_HAVE_ONEDNN)
int onednnRefused = 0;

/** The same passes through oneDNN, where it supports them. */
void testOneDnn(const ConvCase& c, int threads) {
  const ConvShape& s = c.shape;
  const std::vector<float> x = testValues(s.n * s.id * s.ih * s.iw * s.ci, 1), bias = testValues(s.co, 4);
  const std::vector<float> w = testValues(s.co * s.kd * s.kh * s.kw * (s.ci / s.groups), 2), gradBias = testValues(s.ci, 5);
  const std::vector<float> dy = testValues(s.n * s.od * s.oh * s.ow * s.co, 3);
  const Oracle want = convOracle(s, x, w, dy, bias, gradBias);
  const std::vector<int64_t> counts = c.pieces.empty() ? std::vector<int64_t>{s.ci} : c.pieces;
  const int64_t pieces = static_cast<int64_t>(counts.size());
  const SplitInput<float> input(x, s.ci, counts);
  const auto same = [](int64_t i) { return i; };
  const std::string where = c.name + " oneDNN threads " + std::to_string(threads);
  const auto check = [&](double error, const char* what) {
    report(error <= 1.0, where + " " + what + ": " + std::to_string(error) + " x allowed error");
  };

  if (onednnSupports(s, Pass::Forward, counts.data(), pieces, threads)) {
    int64_t size = 0, begin = 0;
    for (const int64_t count : counts) size += onednnPackedSize(s, Pass::Forward, count, threads);
    Buffer<float> packed(size), y(s.n * s.od * s.oh * s.ow * s.co);
    Buffer<float> scratch(onednnScratch(s, Pass::Forward, counts.data(), pieces, threads));
    float* at = packed.data();
    for (const int64_t count : counts) {
      onednnPack(s, Pass::Forward, w.data(), begin, count, at, threads);
      at += onednnPackedSize(s, Pass::Forward, count, threads);
      begin += count;
    }
    onednnForward(s, input.pieces(), packed.data(), bias.data(), y.data(), scratch.data(), threads);
    check(worst(y.data(), y.size(), want.y, 0.0, same), "forward");
  } else {
    ++onednnRefused;
  }
  int64_t begin = 0;
  for (const int64_t count : counts) {
    if (onednnSupports(s, Pass::InputGrad, &count, 1, threads)) {
      Buffer<float> packed(onednnPackedSize(s, Pass::InputGrad, count, threads)), dx(s.n * s.id * s.ih * s.iw * count);
      Buffer<float> scratch(onednnScratch(s, Pass::InputGrad, &count, 1, threads));
      onednnPack(s, Pass::InputGrad, w.data(), begin, count, packed.data(), threads);
      onednnInputGrad(s, dy.data(), packed.data(), gradBias.data(), dx.data(), begin, count, scratch.data(), threads);
      check(worst(dx.data(), dx.size(), want.dx, 0.0,
                  [&](int64_t i) { return i / count * s.ci + begin + i % count; }),
            "input grad");
    } else {
      ++onednnRefused;
    }
    begin += count;
  }
  if (onednnSupports(s, Pass::WeightGrad, counts.data(), pieces, threads)) {
    Buffer<float> dw(static_cast<int64_t>(w.size())), dbias(s.co);
    Buffer<float> scratch(onednnScratch(s, Pass::WeightGrad, counts.data(), pieces, threads));
    onednnWeightGrad(s, input.pieces(), dy.data(), dw.data(), dbias.data(), scratch.data(), threads);
    check(worst(dw.data(), dw.size(), want.dw, 0.0, same), "weight grad");
    check(worst(dbias.data(), dbias.size(), want.dbias, 0.0, same), "bias grad");
  } else {
    ++onednnRefused;
  }
}
#endif

void testRefusals() {
  ConvShape bad = convCases()[0].shape;
  bad.groups = 3;
  bad.ci = 4;
  report(convCheck(bad) != nullptr, "groups that do not divide are refused");
  bad = convCases()[0].shape;
  bad.sd = 0;
  report(convCheck(bad) != nullptr, "stride 0 is refused");
  const ConvShape s = convCases()[0].shape;
  std::vector<float> data(1 << 16);
  const Piece wrong{data.data(), s.ci + 1};
  bool thrown = false;
  try {
    convForward<float>(s, Pieces{&wrong, 1}, data.data(), nullptr, data.data(), data.data(), 1);
  } catch (const std::exception& e) {
    thrown = std::strstr(e.what(), "pieces") != nullptr;
  }
  report(thrown, "pieces with the wrong number of channels are refused");
}

void testBf16() {
  report(floatToBf16(1.0f).bits == 0x3f80, "bf16 of 1");
  report(floatToBf16(1.00390625f).bits == 0x3f80, "bf16 tie rounds to even (down)");
  report(floatToBf16(1.01171875f).bits == 0x3f82, "bf16 tie rounds to even (up)");
  report(floatToBf16(std::numeric_limits<float>::infinity()).bits == 0x7f80, "bf16 keeps infinity");
  report(floatToBf16(std::numeric_limits<float>::max()).bits == 0x7f80, "bf16 overflow gives infinity");
  const uint32_t signalling = 0x7f800001u;
  float nan;
  std::memcpy(&nan, &signalling, sizeof nan);
  report(std::isnan(bf16ToFloat(floatToBf16(nan))), "bf16 keeps a NaN whose low bits are cut off");
}

}  // namespace

int main() {
  std::vector<Isa> isas;
  for (const Isa isa : {Isa::Portable, Isa::Avx2, Isa::Avx512}) {
    if (setConvIsa(isa)) {
      isas.push_back(isa);
    } else {
      std::printf("skipped: this CPU or build has no %s\n", isaName(isa));
    }
  }
  testBf16();
  testRefusals();
  for (const ConvCase& c : convCases()) {
    const int before = failed;
    testCase<float>(c, isas);
    testCase<Bf16>(c, isas);
#if defined(REVOXEL_HAVE_ONEDNN)
    for (const int threads : {1, 2}) testOneDnn(c, threads);
#endif
    if (failed != before) std::printf("  in case %s\n", c.name.c_str());
  }
#if defined(REVOXEL_HAVE_ONEDNN)
  std::printf("oneDNN %s refused %d calls (no implementation but the reference one)\n", onednnVersion(), onednnRefused);
#endif
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
