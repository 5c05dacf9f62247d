/**
 * Splits work among the threads of a session. Shares depend on the amount of work and the thread count alone, so the
 * same call gives the same bits. A region uses one thread or all of them: OpenMP runtimes rebuild their pool whenever
 * the team's size changes. Bodies must not throw.
 */
#pragma once

#include <cstdint>

namespace revoxel {

/** Fewer elements than this for every thread are not worth waking one. */
constexpr int64_t GRAIN = 8192;

/** begin and end of share `part` of `parts`, multiples of `unit` but for the last. */
struct Share {
  int64_t begin;
  int64_t end;
};

inline Share shareOf(int64_t n, int64_t part, int64_t parts, int64_t unit = 1) {
  const int64_t blocks = (n + unit - 1) / unit;
  const int64_t begin = blocks * part / parts * unit;
  const int64_t end = blocks * (part + 1) / parts * unit;
  return {begin < n ? begin : n, end < n ? end : n};
}

/** body(part) for every part; parts run in any order. */
template <class Body>
void parallelParts(int threads, int64_t parts, const Body& body) {
  if (threads <= 1 || parts <= 1) {
    for (int64_t part = 0; part < parts; part++) body(part);
    return;
  }
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int64_t part = 0; part < parts; part++) body(part);
}

/**
 * body(begin, end) over 0 .. n - 1, one share a thread.
 * @param cost elements of work behind one index; decides whether threads are woken at all.
 */
template <class Body>
void parallelRange(int threads, int64_t n, int64_t cost, const Body& body, int64_t unit = 1) {
  const int64_t parts = n * cost < 2 * GRAIN ? 1 : threads;
  parallelParts(threads, parts, [&](int64_t part) {
    const Share share = shareOf(n, part, parts, unit);
    if (share.begin < share.end) body(share.begin, share.end);
  });
}

/** body(i, n) over chunks of at most `chunk` elements of 0 .. count - 1. */
template <class Body>
void parallelChunks(int threads, int64_t count, int64_t chunk, const Body& body) {
  parallelRange(
      threads, count, 1,
      [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i += chunk) body(i, end - i < chunk ? end - i : chunk);
      },
      chunk);
}

}  // namespace revoxel
