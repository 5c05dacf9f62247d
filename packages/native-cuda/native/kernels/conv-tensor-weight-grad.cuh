/** What the two weight gradients share: operands read across voxels, sums of dy for the bias, slices added at the end. */
#pragma once

#include "conv-tensor-tile.cuh"

namespace revoxel {

/** 16 voxels x 16 channels (from chunk `chunk`) of a dy tile as operand A: channels become rows. */
template <int CHUNKS>
__device__ __forceinline__ void loadGradA(unsigned (&a)[4], const bf16* tile, int voxel, int chunk) {
  const int lane = threadIdx.x & 31;
  ldsm4t(a, tile + tileAt<CHUNKS>(voxel + (lane >> 4) * 8 + (lane & 7), chunk + ((lane >> 3) & 1)));
}
/** Voxel of this lane in 16 rows of an x tile that start at `first`. */
__device__ __forceinline__ int rowOfGradB(int first) { return first + static_cast<int>(threadIdx.x & 15); }
/** 16 voxels x 16 channels (from chunk `chunk`) of an x tile as two operands B; `row`: rowOfGradB. */
template <int CHUNKS>
__device__ __forceinline__ void loadGradB(unsigned (&b)[2][2], const bf16* tile, int row, int chunk) {
  unsigned r[4];
  ldsm4t(r, tile + tileAt<CHUNKS>(row, chunk + static_cast<int>((threadIdx.x & 31) >> 4)));
  b[0][0] = r[0];
  b[0][1] = r[1];
  b[1][0] = r[2];
  b[1][1] = r[3];
}

/**
 * Sums of dy over voxels, two channels a thread: thread t of the first 256 has channels 2 (t % PAIRS) and the rows of its
 * group; groups are added in order at the end.
 */
template <class E, int CHUNKS, int ROWS>
struct BiasSums {
  static constexpr int PAIRS = CHUNKS * 4, GROUPS = 256 / PAIRS, EACH = ROWS / GROUPS;
  static_assert(EACH >= 1, "rows for every group");
  float low = 0.0f, high = 0.0f;

  __device__ __forceinline__ void add(const bf16* tile) {
    const int pair = threadIdx.x % PAIRS, group = threadIdx.x / PAIRS;
    if (group >= GROUPS) return;
#pragma unroll
    for (int k = 0; k < EACH; k++) {
      const Pack<E, 2> both = loadPack<E, 2>(reinterpret_cast<const E*>(tile + tileAt<CHUNKS>(group * EACH + k, pair / 4) + pair % 4 * 2));
      low += toFloat(both.at[0]);
      high += toFloat(both.at[1]);
    }
  }
  /** `shared`: GROUPS x CHUNKS * 8 floats that nobody reads any more. All threads of the block call it. */
  __device__ __forceinline__ void finish(float* shared, float* to, int first, int channels) {
    const int pair = threadIdx.x % PAIRS, group = threadIdx.x / PAIRS;
    if (group < GROUPS) {
      shared[group * PAIRS * 2 + pair * 2] = low;
      shared[group * PAIRS * 2 + pair * 2 + 1] = high;
    }
    __syncthreads();
    const int c = threadIdx.x;
    if (c < PAIRS * 2 && first + c < channels) {
      float sum = shared[c];
      for (int k = 1; k < GROUPS; k++) sum += shared[k * PAIRS * 2 + c];
      to[first + c] = sum;
    }
  }
};

/** The results of a call, or its partial sums: [slice][weights] and then [slice][bias]. */
struct WeightGradTarget {
  float *dw, *dbias;
  int64_t weights;
};

struct JoinSlices {
  const float* partial;
  float* sum;
  int64_t n;
  int slices;

  __device__ void operator()(int64_t i) const {
    float value = partial[i];
    for (int k = 1; k < slices; k++) value += partial[k * n + i];
    sum[i] = value;
  }
};

/** Where the kernels write: the results themselves when there is one slice. */
inline WeightGradTarget weightGradTarget(const Args& args, const ConvShape& shape, int slices, float* dw, float* dbias) {
  if (slices == 1) return {dw, dbias, shape.weights()};
  float* partial = args.scratchOf<float>(slices * (shape.weights() + shape.co));
  return {partial, dbias ? partial + slices * shape.weights() : nullptr, shape.weights()};
}
inline void joinSlices(const Args& args, const ConvShape& shape, int slices, const WeightGradTarget& target, float* dw, float* dbias) {
  if (slices == 1) return;
  forEach(args, shape.weights(), JoinSlices{target.dw, dw, shape.weights(), slices});
  if (dbias) forEach(args, shape.co, JoinSlices{target.dbias, dbias, shape.co, slices});
}

}  // namespace revoxel
