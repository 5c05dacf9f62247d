// Measured fp32 multiply-add peak of this machine: independent register-only chains on every thread, the widest
// vectors the CPU has. Best of several short runs; the yardstick of conv-bench, not a statement of the data sheet.
#pragma once

#include <ctime>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace revoxel {

/** CPU time of all threads of this process: what others on the machine take does not count. */
inline double cpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

#if defined(__x86_64__)
__attribute__((target("avx512f"), noinline)) inline float chains512(long rounds) {
  __m512 a[16];
  for (int i = 0; i < 16; ++i) a[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(0.001f);
  for (long r = 0; r < rounds; ++r) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) a[i] = _mm512_fmadd_ps(a[i], x, y);
  }
  __m512 sum = a[0];
  for (int i = 1; i < 16; ++i) sum = _mm512_add_ps(sum, a[i]);
  return _mm512_cvtss_f32(sum);
}
__attribute__((target("avx2,fma"), noinline)) inline float chains256(long rounds) {
  __m256 a[12];
  for (int i = 0; i < 12; ++i) a[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
  for (long r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) a[i] = _mm256_fmadd_ps(a[i], x, y);
  }
  __m256 sum = a[0];
  for (int i = 1; i < 12; ++i) sum = _mm256_add_ps(sum, a[i]);
  return _mm256_cvtss_f32(sum);
}
#endif

/** GFLOP/s of `threads` threads; 0 where no yardstick exists for this CPU. */
inline double measurePeak(int threads) {
#if defined(__x86_64__)
  const bool wide = __builtin_cpu_supports("avx512f");
  if (!wide && !__builtin_cpu_supports("fma")) return 0;
  const long rounds = 3000000;
  const double flop = rounds * (wide ? 16.0 * 32 : 12.0 * 16) * threads;
  double best = 0;
  volatile float sink = 0;
  for (int repeat = 0; repeat < 8; ++repeat) {
    const double start = cpuSeconds();
#pragma omp parallel num_threads(threads)
    {
      const float value = wide ? chains512(rounds) : chains256(rounds);
      if (value == 12345.0f) sink = value;
    }
    const double rate = flop / ((cpuSeconds() - start) / threads) * 1e-9;
    if (rate > best) best = rate;
  }
  (void)sink;
  return best;
#else
  (void)threads;
  return 0;
#endif
}

}  // namespace revoxel
