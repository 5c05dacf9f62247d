// Tests of the emulator and, below JavaScript, of the tensor-core convolutions on it: matrix instructions and convolutions
// against plain loops under four orders of threads, and faults that the emulator must notice. Exit code 0: all right.
//   usage: emulator-test [seed]
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <sys/wait.h>
#include <unistd.h>

#include "../kernels/conv-tensor.h"
#include "../ops/ops.h"
#include "../port/device.cuh"

namespace {

using revoxel::Args;
using revoxel::ConvPieces;
using revoxel::ConvShape;

int failures = 0;

#define CHECK(condition, ...)                                    \
  do {                                                           \
    if (!(condition)) {                                          \
      failures++;                                                \
      printf("  FAIL %s:%d %s: ", __FILE__, __LINE__, #condition); \
      printf(__VA_ARGS__);                                       \
      puts("");                                                  \
    }                                                            \
  } while (0)
#define RUNS(call) CHECK((call) == cudaSuccess, "%s", emu::lastMsg.c_str())

std::mt19937 random_(7);

float toFloat(bf16 v) { return __bfloat162float(v); }
bf16 toBf16(float v) { return __float2bfloat16_rn(v); }

std::vector<float> normal(size_t n, float scale = 1) {
  std::normal_distribution<float> draw(0, scale);
  std::vector<float> values(n);
  for (float& v : values) v = draw(random_);
  return values;
}
std::vector<bf16> rounded(const std::vector<float>& values) {
  std::vector<bf16> result;
  for (const float v : values) result.push_back(toBf16(v));
  return result;
}
/** Values that bf16 can hold, so that only sums differ from the plain loops. */
std::vector<float> exact(size_t n, float scale = 1) {
  std::vector<float> values = normal(n, scale);
  for (float& v : values) v = toFloat(toBf16(v));
  return values;
}

template <class T>
T* device(size_t n) {
  T* at = nullptr;
  RUNS(cudaMalloc(&at, std::max<size_t>(n, 1) * sizeof(T)));
  return at;
}
template <class T>
T* upload(const std::vector<T>& values) {
  T* at = device<T>(values.size());
  RUNS(cudaMemcpy(at, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
  return at;
}
template <class T>
std::vector<T> download(const T* at, size_t n) {
  std::vector<T> values(n);
  RUNS(cudaMemcpy(values.data(), at, n * sizeof(T), cudaMemcpyDeviceToHost));
  return values;
}

/** ||a - b|| / ||b||; large for NaN, so that a check of it fails. */
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < b.size(); i++) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return difference >= 0 ? std::sqrt(difference / size) : 1e9;
}
std::vector<double> wide(const std::vector<float>& values) { return {values.begin(), values.end()}; }
std::vector<double> wide(const std::vector<bf16>& values) {
  std::vector<double> result;
  for (const bf16 v : values) result.push_back(toFloat(v));
  return result;
}

// ---- matrix instructions: a is 16 x K, b is 8 x K, d is 16 x 8 ----

enum class Kind { bf16, f16, tf32 };

template <Kind KIND, int K>
__global__ void mmaKernel(const float* a, const float* b, float* d) {
  const int lane = threadIdx.x, g = lane >> 2, t = lane & 3;
  unsigned fa[4] = {}, fb[2] = {};
  float sums[4] = {1, 2, 3, 4};
  const auto pair = [](float low, float high) {
    const unsigned l = KIND == Kind::bf16 ? __float2bfloat16_rn(low).u : __float2half_rn(low).u, h = KIND == Kind::bf16 ? __float2bfloat16_rn(high).u : __float2half_rn(high).u;
    return l | h << 16;
  };
  if (KIND == Kind::tf32) {
    for (int i = 0; i < 4; i++) fa[i] = __float_as_uint(a[(g + 8 * (i & 1)) * K + t + 4 * (i >> 1)]);
    for (int i = 0; i < 2; i++) fb[i] = __float_as_uint(b[g * K + t + 4 * i]);
  } else {
    for (int i = 0; i < K / 4; i++) {
      const float* at = a + (g + 8 * (i & 1)) * K + 2 * t + 8 * (i >> 1);
      fa[i] = pair(at[0], at[1]);
    }
    for (int i = 0; i < K / 8; i++) fb[i] = pair(b[g * K + 2 * t + 8 * i], b[g * K + 2 * t + 8 * i + 1]);
  }
  if constexpr (KIND == Kind::bf16) mmaBf16(sums, fa, fb);
  else if constexpr (KIND == Kind::f16 && K == 16) mmaF16(sums, fa, fb);
  else if constexpr (KIND == Kind::f16) mmaF16k8(sums, fa, fb);
  else mmaTf32(sums, fa, fb);
  for (int i = 0; i < 4; i++) d[(g + 8 * (i >> 1)) * 8 + 2 * t + (i & 1)] = sums[i] - static_cast<float>(1 + i);
}

template <Kind KIND, int K>
void testMma(const char* name, double tolerance) {
  const std::vector<float> a = normal(16 * K), b = normal(8 * K);
  float* d = device<float>(128);
  RUNS(launchKernel(mmaKernel<KIND, K>, 1, 32, 0, nullptr, upload(a), upload(b), d));
  std::vector<double> expected(128);
  for (int r = 0; r < 16; r++)
    for (int c = 0; c < 8; c++)
      for (int k = 0; k < K; k++) expected[r * 8 + c] += static_cast<double>(a[r * K + k]) * b[c * K + k];
  const double off = distance(wide(download(d, 128)), expected);
  CHECK(off <= tolerance, "mma %s k%d: %g", name, K, off);
}

// ---- convolutions ----

struct ConvCase {
  const char* name;
  int64_t variant;
  int n;
  std::vector<int> ci;
  int co;
  /** Depth, height, width. */
  int size[3], kernel[3], stride[3], pad[3], dilation[3];
};

const ConvCase CONV_CASES[] = {
    {"16 to 40", 1, 2, {16}, 40, {3, 4, 5}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
    {"pieces 15 and 30 to 17, stride 1 2 2", 1, 2, {15, 30}, 17, {3, 5, 6}, {3, 3, 3}, {1, 2, 2}, {1, 1, 1}, {1, 1, 1}},
    {"1 to 32", 1, 1, {1}, 32, {6, 5, 7}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
    {"32 to 4, pointwise", 1, 1, {32}, 4, {5, 6, 7}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}},
    {"8 and 24 to 72, 2 2 2", 1, 1, {8, 24}, 72, {6, 4, 8}, {2, 2, 2}, {2, 2, 2}, {0, 0, 0}, {1, 1, 1}},
    {"8 to 8, dilated", 1, 1, {8}, 8, {7, 6, 9}, {2, 3, 3}, {2, 1, 3}, {1, 2, 3}, {1, 2, 2}},
    {"8 to 256, many tiles", 1, 2, {8}, 256, {8, 8, 9}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}},
    {"16 to 24, stride 2", 1, 1, {16}, 24, {5, 6, 7}, {3, 3, 3}, {2, 2, 2}, {1, 1, 1}, {1, 1, 1}},
    {"bricks 16 to 32", 2, 2, {16}, 32, {3, 9, 10}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
    {"bricks, pieces 32 and 16 to 48", 2, 1, {32, 16}, 48, {4, 9, 17}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
    {"bricks, pieces 10 and 15 to 9", 2, 1, {10, 15}, 9, {5, 8, 9}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
    {"bricks, 1x3x3, 40 to 48", 2, 1, {40}, 48, {2, 17, 18}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
};

/** body(output element's voxel and sample, tap, input voxel index) for every tap that lies inside. */
template <class Body>
void eachProduct(const ConvShape& s, const Body& body) {
  for (int n = 0; n < s.n; n++)
    for (int d = 0; d < s.od; d++)
      for (int h = 0; h < s.oh; h++)
        for (int w = 0; w < s.ow; w++)
          for (int tap = 0; tap < s.taps(); tap++) {
            const int zd = d * s.sd - s.pd + tap / (s.kh * s.kw) * s.dd, zh = h * s.sh - s.ph + tap / s.kw % s.kh * s.dh, zw = w * s.sw - s.pw + tap % s.kw * s.dw;
            if (zd < 0 || zh < 0 || zw < 0 || zd >= s.id || zh >= s.ih || zw >= s.iw) continue;
            body(static_cast<size_t>(((n * s.od + d) * s.oh + h) * s.ow + w), static_cast<size_t>(tap), static_cast<size_t>(((n * s.id + zd) * s.ih + zh) * s.iw + zw));
          }
}

class ConvTest {
 public:
  explicit ConvTest(const ConvCase& c) : case_(c) {
    int ci = 0;
    for (const int piece : c.ci) ci += piece;
    int out[3];
    for (int a = 0; a < 3; a++) out[a] = (c.size[a] + 2 * c.pad[a] - c.dilation[a] * (c.kernel[a] - 1) - 1) / c.stride[a] + 1;
    shape_ = {c.n, ci, c.size[0], c.size[1], c.size[2], c.co, out[0], out[1], out[2], c.kernel[0], c.kernel[1], c.kernel[2], c.stride[0], c.stride[1], c.stride[2],
              c.pad[0], c.pad[1], c.pad[2], c.dilation[0], c.dilation[1], c.dilation[2], 1};
    const ConvShape& s = shape_;
    x_ = exact(static_cast<size_t>(s.inVoxels()) * ci);
    w_ = exact(static_cast<size_t>(s.weights()), 0.1f);
    dy_ = exact(static_cast<size_t>(s.outVoxels()) * s.co);
    bias_ = normal(static_cast<size_t>(s.co));
    device_.multiprocessors = 4;
    device_.sharedPerBlock = 227 << 10;
    weightShape_ = {s.co, ci, s.kd, s.kh, s.kw};
    call_.variant = c.variant;
    call_.scratchBytes = 16 << 20;
    scratch_ = device<char>(static_cast<size_t>(call_.scratchBytes));
    deviceW_ = upload(w_);
    deviceBias_ = upload(bias_);
    int begin = 0;
    for (const int piece : c.ci) {
      std::vector<float> part;
      for (int v = 0; v < s.inVoxels(); v++) part.insert(part.end(), x_.begin() + static_cast<std::ptrdiff_t>(v) * ci + begin, x_.begin() + static_cast<std::ptrdiff_t>(v) * ci + begin + piece);
      pieces_.at[pieces_.count] = upload(rounded(part));
      pieces_.channels[pieces_.count++] = piece;
      begin += piece;
    }
    deviceDy_.at[0] = upload(rounded(dy_));
    deviceDy_.channels[0] = s.co;
    deviceDy_.count = 1;
  }

  void forward() {
    const ConvShape& s = shape_;
    const void* packed = pack(revoxel::PackWeightsForm::forward, 0, s.ci);
    std::vector<double> expected(static_cast<size_t>(s.outVoxels()) * s.co);
    for (size_t i = 0; i < expected.size(); i++) expected[i] = bias_[i % s.co];
    eachProduct(s, [&](size_t y, size_t tap, size_t x) {
      for (int o = 0; o < s.co; o++)
        for (int i = 0; i < s.ci; i++) expected[y * s.co + o] += static_cast<double>(x_[x * s.ci + i]) * w_[(o * static_cast<size_t>(s.taps()) + tap) * s.ci + i];
    });
    bf16* y = device<bf16>(expected.size());
    run([&](const Args& args) { convTensor(args, s, pieces_, packed, deviceBias_, y, revoxel::DType::bf16); });
    expect("forward", distance(wide(download(y, expected.size())), expected), 4e-3);
  }

  /** Of the last piece, so that a slice of the channels is asked for where there are several. */
  void inputGrad() {
    const ConvShape& s = shape_;
    const int count = case_.ci.back(), begin = s.ci - count;
    const void* packed = pack(revoxel::PackWeightsForm::inputGrad, begin, count);
    std::vector<double> expected(static_cast<size_t>(s.inVoxels()) * count);
    eachProduct(s, [&](size_t y, size_t tap, size_t x) {
      for (int o = 0; o < s.co; o++)
        for (int i = 0; i < count; i++) expected[x * count + i] += static_cast<double>(dy_[y * s.co + o]) * w_[(o * static_cast<size_t>(s.taps()) + tap) * s.ci + begin + i];
    });
    bf16* dx = device<bf16>(expected.size());
    run([&](const Args& args) { convTransposeTensor(args, s, deviceDy_, packed, nullptr, count, dx, revoxel::DType::bf16); });
    expect("input gradient", distance(wide(download(dx, expected.size())), expected), 4e-3);
  }

  void weightGrad() {
    const ConvShape& s = shape_;
    std::vector<double> expected(static_cast<size_t>(s.weights())), expectedBias(s.co);
    eachProduct(s, [&](size_t y, size_t tap, size_t x) {
      for (int o = 0; o < s.co; o++)
        for (int i = 0; i < s.ci; i++) expected[(o * static_cast<size_t>(s.taps()) + tap) * s.ci + i] += static_cast<double>(dy_[y * s.co + o]) * x_[x * s.ci + i];
    });
    for (size_t i = 0; i < dy_.size(); i++) expectedBias[i % s.co] += dy_[i];
    float *dw = device<float>(expected.size()), *dbias = device<float>(expectedBias.size());
    run([&](const Args& args) { convWeightGradTensor(args, s, pieces_, deviceDy_.at[0], dw, dbias, revoxel::DType::bf16); });
    expect("weight gradient", distance(wide(download(dw, expected.size())), expected), 1e-5);
    expect("bias gradient", distance(wide(download(dbias, expectedBias.size())), expectedBias), 1e-5);
  }

 private:
  const ConvCase& case_;
  ConvShape shape_{};
  std::vector<float> x_, w_, dy_, bias_;
  ConvPieces pieces_{}, deviceDy_{};
  float *deviceW_ = nullptr, *deviceBias_ = nullptr;
  std::vector<int64_t> weightShape_;
  revoxel::DeviceInfo device_;
  revoxel::PlanCall call_{};
  char* scratch_ = nullptr;

  Args argsOf(bool dry) const {
    Args args;
    args.call = &call_;
    args.device = &device_;
    args.scratch = scratch_;
    args.dry = dry;
    return args;
  }
  template <class Body>
  void run(const Body& body) {
    // As a session does: everything is checked before anything runs.
    body(argsOf(true));
    body(argsOf(false));
    RUNS(cudaDeviceSynchronize());
  }
  const void* pack(revoxel::PackWeightsForm form, int begin, int count) {
    const ConvShape& s = shape_;
    const bool forward = form == revoxel::PackWeightsForm::forward;
    const int64_t elements = forward ? revoxel::PackedRow::of(s.ci, s.taps()).elements(s.co) : revoxel::PackedRow::of(s.co, s.taps()).elements(count);
    const std::vector<int64_t> packedShape = {elements};
    call_.attrs = revoxel::PackWeightsAttrs{form, 1, {s.sd, s.sh, s.sw}, elements, revoxel::PackWeightsActivations::bf16, begin, count};
    void* packed = device<float>(static_cast<size_t>(elements));
    run([&](Args args) {
      args.in = {{deviceW_, revoxel::DType::f32, &weightShape_, s.weights()}};
      args.out = {{packed, revoxel::DType::f32, &packedShape, elements}};
      revoxel::ops::packWeights(args);
    });
    return packed;
  }
  void expect(const char* what, double off, double tolerance) const { CHECK(off <= tolerance, "%s, %s: %g", case_.name, what, off); }
};

// ---- faults that must be noticed ----

struct ReverseShared {
  int value[64];
};
template <bool SYNC>
__global__ void reverseKernel(int* p) {
  SHARED_STRUCT(ReverseShared, shared);
  shared.value[threadIdx.x] = p[threadIdx.x];
  if (SYNC) __syncthreads();
  p[threadIdx.x] = shared.value[63 - threadIdx.x];
}
struct alignas(16) CopyShared {
  float value[128];
};
template <bool WAIT>
__global__ void asyncCopyKernel(const float* from, float* to) {
  SHARED_STRUCT(CopyShared, shared);
  cpAsync16(&shared.value[threadIdx.x * 4], from + threadIdx.x * 4, true);
  cpCommit();
  if (WAIT) cpWait<0>();
  __syncthreads();
  to[threadIdx.x] = shared.value[(threadIdx.x + 32) % 128];
  if (!WAIT) cpWait<0>();
}
__global__ void divergentKernel(int* p) {
  if (threadIdx.x < 32) __syncthreads();
  else __syncthreads();
  p[threadIdx.x] = 1;
}
__global__ void halfWarpKernel(int* p) {
  if (threadIdx.x < 16) p[threadIdx.x] = __shfl_xor_sync(0xffffffffu, static_cast<int>(threadIdx.x), 1);
}
struct alignas(16) ConflictShared {
  bf16 tile[32 * 32];
};
/** Rows of 64 bytes read without the swizzle of tileAt. */
__global__ void conflictKernel(int* p) {
  SHARED_STRUCT(ConflictShared, shared);
  for (int k = 0; k < 32; k++) shared.tile[threadIdx.x * 32 + k] = {0};
  __syncthreads();
  unsigned r[4];
  ldsm4(r, shared.tile + threadIdx.x * 32);
  p[threadIdx.x] = static_cast<int>(r[0]);
}
__global__ void setKernel(int* p, int n, int value) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) p[i] = value;
}
__global__ void overrunKernel(int* p, int n) { p[n + static_cast<int>(threadIdx.x)] = 1; }

/** Whether the work so far ended in a launch failure; the emulator works again afterwards. */
bool failed() {
  cudaDeviceSynchronize();
  const bool sticky = emu::sticky == 719;
  emu::sticky = emu::lastErr = 0;
  for (auto* stream : emu::streams) stream->q.clear();
  emu::legacy.q.clear();
  return sticky;
}

/** Whether `body` kills a process. */
template <class Body>
bool kills(const Body& body) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    (void)!freopen("/dev/null", "w", stderr);
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

void testFaults() {
  std::vector<int> numbers(64);
  for (int i = 0; i < 64; i++) numbers[static_cast<size_t>(i)] = i;
  const auto reverses = [&](auto kernel) {
    int* p = upload(numbers);
    RUNS(launchKernel(kernel, 1, 64, 0, nullptr, p));
    const std::vector<int> result = download(p, 64);
    return std::equal(result.begin(), result.end(), numbers.rbegin());
  };
  CHECK(reverses(reverseKernel<true>), "a good kernel");
  CHECK(!reverses(reverseKernel<false>), "a missing barrier");
  float *from = upload(std::vector<float>(128, 2.0f)), *to = device<float>(128);
  launchKernel(asyncCopyKernel<true>, 1, 32, 0, nullptr, from, to);
  CHECK(download(to, 32)[0] == 2.0f, "a good copy");
  launchKernel(asyncCopyKernel<false>, 1, 32, 0, nullptr, from, to);
  CHECK(std::isnan(download(to, 32)[0]), "a missing wait for a copy");
  int* p = upload(numbers);
  launchKernel(divergentKernel, 1, 64, 0, nullptr, p);
  CHECK(failed(), "a divergent barrier");
  launchKernel(halfWarpKernel, 1, 32, 0, nullptr, p);
  CHECK(failed(), "a shuffle of half a warp");
  const uint64_t conflicts = emu::stats.bankConflicts;
  launchKernel(conflictKernel, 1, 32, 0, nullptr, p);
  RUNS(cudaDeviceSynchronize());
  CHECK(emu::stats.bankConflicts > conflicts, "bank conflicts");
  emu::stats.bankConflicts = conflicts;
  CHECK(launchKernel(setKernel, 1, 2048, 0, nullptr, p, 64, 1) == cudaErrorInvalidConfiguration, "too many threads");
  cudaGetLastError();

  cudaStream_t first, second;
  cudaEvent_t event;
  cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking);
  cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking);
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  int wrong[2] = {0, 0};
  for (int k = 0; k < 40; k++) {
    const bool waits = k & 1;
    int *q = device<int>(64), host[64];
    launchKernel(setKernel, 1, 64, 0, first, q, 64, k);
    if (waits) {
      cudaEventRecord(event, first);
      cudaStreamWaitEvent(second, event);
    }
    cudaMemcpyAsync(host, q, sizeof host, cudaMemcpyDeviceToHost, second);
    cudaStreamSynchronize(second);
    wrong[waits] += host[5] != k;
    cudaDeviceSynchronize();
  }
  CHECK(wrong[0] > 0 && wrong[1] == 0, "a missing event: %d, with it %d", wrong[0], wrong[1]);
  cudaEventDestroy(event);
  cudaStreamDestroy(first);
  cudaStreamDestroy(second);

  emu::memLimit = emu::memUsed + 1000;
  int* large = nullptr;
  CHECK(cudaMalloc(&large, 4096) == cudaErrorMemoryAllocation, "too little memory");
  cudaGetLastError();
  emu::memLimit = SIZE_MAX;
  CHECK(kills([&] { (void)*const_cast<volatile int*>(p); }), "device memory read by the host");
  CHECK(kills([&] {
          launchKernel(overrunKernel, 1, 1, 0, nullptr, p, 64);
          cudaDeviceSynchronize();
        }),
        "a write past the end");
#if defined(CUEMU_ASAN)
  const auto windows = [](size_t bytes) {
    return kills([&] {
      int* arena = device<int>(1024);
      emu::windows = {{reinterpret_cast<char*>(arena), bytes}};
      launchKernel(setKernel, 1, 64, 0, nullptr, arena, 64, 1);
      cudaDeviceSynchronize();
      if (cudaGetLastError() != cudaSuccess) _exit(1);
    });
  };
  CHECK(!windows(256) && windows(128), "memory beyond the declared windows");
#endif
}

void freeAll() {
  cudaDeviceSynchronize();
  while (!emu::allocs.empty()) cudaFree(emu::allocs.begin()->first);
}

}  // namespace

int main(int count, char** arguments) {
  const char* const names[] = {"round-robin", "ascending", "descending", "random"};
  testFaults();
  freeAll();
  for (int order = 0; order < 4; order++) {
    emu::cfg.order = static_cast<emu::Order>(order);
    emu::seed(count > 1 ? static_cast<uint64_t>(atoi(arguments[1])) : 42);
    const double start = emu::seconds();
    testMma<Kind::bf16, 16>("bf16", 6e-3);
    testMma<Kind::f16, 16>("f16", 8e-4);
    testMma<Kind::f16, 8>("f16", 8e-4);
    testMma<Kind::tf32, 8>("tf32", 2e-3);
    for (const ConvCase& c : CONV_CASES) {
      try {
        ConvTest test(c);
        test.forward();
        test.inputGrad();
        // Bricks of the weight gradient are deep ones.
        if (c.variant == revoxel::CONV_GATHER || c.kernel[0] == 3) test.weightGrad();
      } catch (const std::exception& error) {
        CHECK(false, "%s: %s", c.name, error.what());
      }
      freeAll();
    }
    printf("%s: %.2f s\n", names[order], emu::seconds() - start);
  }
  CHECK(emu::stats.bankConflicts == 0, "%llu of %llu", static_cast<unsigned long long>(emu::stats.bankConflicts), static_cast<unsigned long long>(emu::stats.ldmatrix));
  printf("%s: %d failures\n", failures ? "FAILED" : "ok", failures);
  return failures != 0;
}
