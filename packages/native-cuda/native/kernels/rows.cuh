/**
 * Rows of channels: a thread holds the few channels of its voxel in registers, or a group of lanes shares a longer row.
 * Short rows that are no power of two pass through shared memory, so that global accesses stay whole.
 */
#pragma once

#include <limits>

#include "element.cuh"

namespace revoxel {

/** Most channels that a thread holds. */
constexpr int ROW = 8;

/** Rows of a block of threads, c floats each. */
template <int K>
struct RowTile {
  __align__(16) float at[BLOCK * K];
};

template <class T>
__device__ __forceinline__ bool aligned16(const T* place) {
  return (reinterpret_cast<uintptr_t>(place) & 15) == 0;
}

/** Whether rows go straight to registers. The same for all threads. */
template <int K>
__device__ __forceinline__ bool direct(int c) {
  return K <= 2 || c == K;
}

/**
 * Row `thread` of `rows` <= BLOCK rows that lie behind one another; channels from c on are 0. Called by all threads of the
 * block: it may synchronise them. Threads from `rows` on get nothing.
 */
template <int K, class T>
__device__ __forceinline__ void readRow(const T* from, int rows, int c, RowTile<K>& tile, float (&row)[K]) {
  const int thread = static_cast<int>(threadIdx.x);
  if (direct<K>(c)) {
    if (thread >= rows) return;
    if (c == K) {
      const Pack<T, K> pack = loadPack<T, K>(from + thread * K);
#pragma unroll
      for (int k = 0; k < K; k++) row[k] = toFloat(pack.at[k]);
    } else {
#pragma unroll
      for (int k = 0; k < K; k++) row[k] = k < c ? toFloat(from[thread * c + k]) : 0.0f;
    }
    return;
  }
  constexpr int N = PACK<T>;
  const int count = rows * c, packs = aligned16(from) ? count / N : 0;
  __syncthreads();
  for (int p = thread; p < packs; p += BLOCK) {
    const Pack<T, N> pack = loadPack<T, N>(from + p * N);
#pragma unroll
    for (int k = 0; k < N; k++) tile.at[p * N + k] = toFloat(pack.at[k]);
  }
  for (int i = packs * N + thread; i < count; i += BLOCK) tile.at[i] = toFloat(from[i]);
  __syncthreads();
  if (thread >= rows) return;
#pragma unroll
  for (int k = 0; k < K; k++) row[k] = k < c ? tile.at[thread * c + k] : 0.0f;
}

/** The reverse of readRow. */
template <int K, class T>
__device__ __forceinline__ void writeRow(T* to, int rows, int c, RowTile<K>& tile, const float (&row)[K]) {
  const int thread = static_cast<int>(threadIdx.x);
  if (direct<K>(c)) {
    if (thread >= rows) return;
    if (c == K) {
      Pack<T, K> pack;
#pragma unroll
      for (int k = 0; k < K; k++) pack.at[k] = fromFloat<T>(row[k]);
      storePack<T, K>(to + thread * K, pack);
    } else {
#pragma unroll
      for (int k = 0; k < K; k++) {
        if (k < c) to[thread * c + k] = fromFloat<T>(row[k]);
      }
    }
    return;
  }
  constexpr int N = PACK<T>;
  const int count = rows * c, packs = aligned16(to) ? count / N : 0;
  __syncthreads();
  if (thread < rows) {
#pragma unroll
    for (int k = 0; k < K; k++) {
      if (k < c) tile.at[thread * c + k] = row[k];
    }
  }
  __syncthreads();
  for (int p = thread; p < packs; p += BLOCK) {
    Pack<T, N> pack;
#pragma unroll
    for (int k = 0; k < N; k++) pack.at[k] = fromFloat<T>(tile.at[p * N + k]);
    storePack<T, N>(to + p * N, pack);
  }
  for (int i = packs * N + thread; i < count; i += BLOCK) to[i] = fromFloat<T>(tile.at[i]);
}

/**
 * Rows in blocks of BLOCK: body(first row, rows) for the blocks of rows that fall to this block of threads, of `total`.
 * All threads take part in every call.
 */
template <class Body>
__device__ __forceinline__ void eachRowBlock(int64_t total, const Body& body) {
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * BLOCK; first < total; first += static_cast<int64_t>(gridDim.x) * BLOCK) {
    body(first, static_cast<int>(total - first < BLOCK ? total - first : BLOCK));
  }
}

/** Calls body(std::integral_constant<int, K>{}) with registers for rows of c channels; c <= ROW. */
template <class Body>
void withRow(int64_t c, const Body& body) {
  if (c <= 2) body(std::integral_constant<int, 2>{});
  else if (c <= 4) body(std::integral_constant<int, 4>{});
  else body(std::integral_constant<int, ROW>{});
}

/** Lanes that share a row of c > ROW channels: neighbours in one warp. */
inline int lanesOf(int64_t c) { return c <= 64 ? 8 : 32; }

/** Sum over the lanes of a group; every lane gets the same bits. */
template <class V>
__device__ __forceinline__ V groupSum(V v, int lanes) {
  for (int step = lanes / 2; step > 0; step /= 2) v += __shfl_xor_sync(0xffffffffu, v, step);
  return v;
}

/** The larger; NaN if one is NaN. */
__device__ __forceinline__ float larger(float x, float best) { return x > best || x != x ? x : best; }

__device__ __forceinline__ float groupLargest(float v, int lanes) {
  for (int step = lanes / 2; step > 0; step /= 2) v = larger(__shfl_xor_sync(0xffffffffu, v, step), v);
  return v;
}

/**
 * Rows by groups of lanes: body(row, lane in the group, whether the row exists) for the rows that fall to this group. All
 * lanes of a warp take part in every call, so that body may exchange values.
 */
template <class Body>
__device__ __forceinline__ void eachGroupRow(int64_t rows, int lanes, const Body& body) {
  const int group = static_cast<int>(threadIdx.x) / lanes, lane = static_cast<int>(threadIdx.x) % lanes, groups = BLOCK / lanes;
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * groups; first < rows; first += static_cast<int64_t>(gridDim.x) * groups) {
    const int64_t row = first + group;
    body(row < rows ? row : first, lane, row < rows);
  }
}

/** Turns logits into exponentials relative to the largest, `top`; returns their sum. */
template <int K>
__device__ __forceinline__ float exponentials(float (&row)[K], int c, float& top) {
  top = -std::numeric_limits<float>::infinity();
#pragma unroll
  for (int k = 0; k < K; k++) {
    if (k < c) top = larger(row[k], top);
  }
  float sum = 0.0f;
#pragma unroll
  for (int k = 0; k < K; k++) {
    if (k >= c) continue;
    row[k] = expf(row[k] - top);
    sum += row[k];
  }
  return sum;
}

/** Largest logit of a row that a group shares, and the sum of exponentials relative to it. */
template <class T>
__device__ __forceinline__ float groupExponentials(const T* row, int c, int lane, int lanes, float& top) {
  float best = -std::numeric_limits<float>::infinity();
  for (int k = lane; k < c; k += lanes) best = larger(toFloat(row[k]), best);
  top = groupLargest(best, lanes);
  float sum = 0.0f;
  for (int k = lane; k < c; k += lanes) sum += expf(toFloat(row[k]) - top);
  return groupSum(sum, lanes);
}

}  // namespace revoxel
