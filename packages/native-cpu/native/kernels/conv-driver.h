// What the drivers of the three passes share: the thread loop, the choice of kernels, splitting of channel pieces.
// Internal to the convolution kernels; not for callers.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#if defined(_OPENMP)
#include <omp.h>
#endif

#include "conv-job.h"

namespace revoxel {

inline int64_t ceil16(int64_t a) { return (a + 15) / 16 * 16; }

/**
 * Runs body(t) once for each t in [0, threads), spread over the OpenMP team. The work of a t is fixed, so a team
 * smaller than asked for (or a build without OpenMP) gives the same result, only later.
 */
template <class F>
void forThreads(int threads, const F& body) {
#if defined(_OPENMP)
#pragma omp parallel num_threads(threads)
  for (int t = omp_get_thread_num(); t < threads; t += omp_get_num_threads()) body(t);
#else
  for (int t = 0; t < threads; ++t) body(t);
#endif
}

template <class T>
const ConvKernels<T>& convKernels() {
#if defined(__x86_64__)
  if (convIsa() == Isa::Avx512) return convKernelsAvx512<T>();
  if (convIsa() == Isa::Avx2) return convKernelsAvx2<T>();
#endif
  return convKernelsPortable<T>();
}

inline void requireShape(const ConvShape& shape, int threads) {
  if (const char* reason = convCheck(shape)) throw std::invalid_argument(reason);
  if (threads < 1) throw std::invalid_argument("convolution: threads must be >= 1, got " + std::to_string(threads));
}

template <class T>
void requirePieces(const ConvShape& shape, const PiecesOf<T>& x) {
  int64_t sum = 0;
  for (int64_t i = 0; i < x.count; ++i) sum += x.items[i].channels;
  if (x.count < 1 || x.count > CONV_MAX_PIECES || sum != shape.ci) {
    throw std::invalid_argument("convolution: " + std::to_string(x.count) + " pieces with " + std::to_string(sum) +
                                " channels in all, expected 1.." + std::to_string(CONV_MAX_PIECES) +
                                " pieces with " + std::to_string(shape.ci));
  }
}

/** The parts of the pieces that hold input channels [begin, end), in order; weightRow counts from `begin`. */
template <class T>
int64_t slicePieces(const PiecesOf<T>& x, int64_t begin, int64_t end, GatherSource<T>* out) {
  int64_t count = 0, start = 0;
  for (int64_t i = 0; i < x.count; ++i) {
    const PieceOf<T>& piece = x.items[i];
    const int64_t from = begin > start ? begin : start;
    const int64_t stop = start + piece.channels < end ? start + piece.channels : end;
    if (from < stop) out[count++] = {piece.data + (from - start), piece.channels, stop - from, from - begin};
    start += piece.channels;
  }
  return count;
}

}  // namespace revoxel
