// reduce: sum or mean over axes in float64, fixed order. A block is a grid of results by lanes; a lane adds every L-th
// element (rows: the reduced axis is the contiguous one; columns: a kept one is), lanes meet in shared memory. Long sums
// of few results are cut into slices whose partial sums lie in the scratch (mirror: src/scratch/reduction.ts).
#include "../kernels/any.cuh"
#include "../kernels/box.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** Elements of T, packs of them where asked. */
template <class T>
struct Elements {
  const T* x;
  template <int V>
  __device__ __forceinline__ void load(int64_t i, double (&values)[V]) const {
    const Pack<T, V> pack = loadPack<T, V>(x + i);
#pragma unroll
    for (int k = 0; k < V; k++) values[k] = toFloat(pack.at[k]);
  }
};

/** Integers of any size. */
struct AnyElements {
  const void* x;
  DType dtype;
  template <int V>
  __device__ __forceinline__ void load(int64_t i, double (&values)[V]) const {
    static_assert(V == 1, "one by one");
    values[0] = loadAny(x, dtype, i);
  }
};

struct Form {
  /** Results: operand 0 is x, 1 is y; in packs for columns. */
  Walk<2> kept;
  /** What is summed: in packs for rows. */
  Walk<1> reduced;
  /** Contiguous reduced elements, for a last pack that is partly outside. */
  int64_t inner;
  /** Items of `reduced` in a slice. */
  int64_t slice;
  int slices;
  /** Lanes of a result; a power of two. */
  int lanes;
  double divisor;
  void* y;
  DType dtype;
  double* partial;
};

/** One result, or its part of a slice. */
__device__ __forceinline__ void finish(const Form& f, int slice, int64_t result, int64_t results, int64_t place, double sum) {
  if (f.slices == 1) storeAny(f.y, f.dtype, place, sum / f.divisor);
  else f.partial[slice * results + result] = sum;
}

/** Grid: blocks of results by slices. COLUMNS: V results of a thread lie side by side; else V elements of one sum do. */
template <class Source, int V, bool COLUMNS>
__global__ void __launch_bounds__(BLOCK) reduceKernel(const Form f, const Source source) {
  constexpr int SUMS = COLUMNS ? V : 1;
  struct Shared {
    double sum[SUMS][BLOCK];
  };
  SHARED_STRUCT(Shared, shared);
  const int t = static_cast<int>(threadIdx.x), width = BLOCK / f.lanes;
  const int column = COLUMNS ? t % width : t / f.lanes, lane = COLUMNS ? t / width : t % f.lanes;
  const int64_t item = static_cast<int64_t>(blockIdx.x) * width + column;
  const int slice = static_cast<int>(blockIdx.y);
  const bool inside = item < f.kept.items;
  int64_t at[2] = {0, 0};
  if (inside) f.kept.locate(item, at);
  double sums[SUMS];
#pragma unroll
  for (int k = 0; k < SUMS; k++) sums[k] = 0;
  const int64_t begin = slice * f.slice, end = begin + f.slice < f.reduced.items ? begin + f.slice : f.reduced.items;
  if (inside) {
#pragma unroll 4
    for (int64_t r = begin + lane; r < end; r += f.lanes) {
      int64_t step[1];
      const int64_t pack = f.reduced.locate(r, step);
      const int64_t from = at[0] + step[0];
      if (COLUMNS || V == 1 || (pack + 1) * V <= f.inner) {
        double values[V];
        source.template load<V>(from, values);
        if constexpr (COLUMNS) {
#pragma unroll
          for (int k = 0; k < V; k++) sums[k] += values[k];
        } else {
#pragma unroll
          for (int half = V / 2; half > 0; half /= 2) {
#pragma unroll
            for (int k = 0; k < half; k++) values[k] += values[k + half];
          }
          sums[0] += values[0];
        }
      } else {
        for (int64_t k = 0; k < f.inner - pack * V; k++) {
          double value[1];
          source.template load<1>(from + k, value);
          sums[0] += value[0];
        }
      }
    }
  }
#pragma unroll
  for (int k = 0; k < SUMS; k++) shared.sum[k][t] = sums[k];
  for (int half = f.lanes / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane < half) {
      const int other = t + (COLUMNS ? half * width : half);
#pragma unroll
      for (int k = 0; k < SUMS; k++) shared.sum[k][t] += shared.sum[k][other];
    }
  }
  if (!inside || lane != 0) return;
  // The thread wrote its own place last, so that it needs no barrier here.
  const int64_t results = f.kept.items * SUMS, yStep = f.kept.stride[1][f.kept.rank - 1] / SUMS;
#pragma unroll
  for (int k = 0; k < SUMS; k++) finish(f, slice, item * SUMS + k, results, at[1] + k * yStep, shared.sum[k][t]);
}

/** Adds the slices of every result in order: a warp a result. `sums`: results of a kept item. */
__global__ void __launch_bounds__(BLOCK) reduceFinishKernel(const Form f, int sums) {
  const int64_t results = f.kept.items * sums;
  const int64_t result = static_cast<int64_t>(blockIdx.x) * (BLOCK / 32) + threadIdx.x / 32;
  if (result >= results) return;
  const int lane = static_cast<int>(threadIdx.x % 32);
  double sum = 0;
  for (int slice = lane; slice < f.slices; slice += 32) sum += f.partial[slice * results + result];
#pragma unroll
  for (int half = 16; half > 0; half /= 2) sum += __shfl_down_sync(0xffffffffu, sum, half);
  if (lane != 0) return;
  int64_t at[2];
  f.kept.locate(result / sums, at);
  storeAny(f.y, f.dtype, at[1] + result % sums * (f.kept.stride[1][f.kept.rank - 1] / sums), sum / f.divisor);
}

/** The merged box with x as operand 0 and y as 1, whose kept and reduced axes come apart. */
template <size_t K>
Box<K> axesOf(const Box<2>& box, bool reduced) {
  Box<K> part;
  for (int axis = 0; axis < box.rank; axis++) {
    const size_t a = static_cast<size_t>(axis);
    if ((box.stride[1][a] == 0) != reduced || box.size[a] == 1) continue;
    const size_t last = static_cast<size_t>(part.rank++);
    part.size[last] = box.size[a];
    for (size_t k = 0; k < K; k++) part.stride[k][last] = box.stride[k][a];
  }
  if (part.rank == 0) {
    part.rank = 1;
    part.size[0] = 1;
  }
  return part;
}

int64_t powerOfTwoFrom(int64_t n) {
  int64_t power = 1;
  while (power < n) power *= 2;
  return power;
}

/** Slices of the sums; mirrored in src/scratch/reduction.ts. */
int64_t slicesOf(bool columns, int64_t results, int64_t length, int multiprocessors) {
  const int64_t blocks = columns ? ceilDiv(results, BLOCK) : results;
  return std::max<int64_t>(1, std::min(ceilDiv(4 * multiprocessors, blocks), length / (columns ? 512 : 8192)));
}

template <class Source, int V>
void reduceTyped(const Args& args, const Source& source, const Box<2>& kept, const Box<1>& reduced, bool columns, double divisor) {
  Form f;
  f.kept = Walk<2>::of(kept, columns ? V : 1);
  f.reduced = Walk<1>::of(reduced, columns ? 1 : V);
  f.inner = reduced.inner();
  const Tensor& y = args.out[0];
  const int64_t length = args.in[0].count / y.count;
  const int64_t slices = slicesOf(columns, y.count, length, args.device->multiprocessors);
  f.slices = static_cast<int>(slices);
  f.slice = ceilDiv(f.reduced.items, slices);
  const int64_t widest = columns ? BLOCK / std::min<int64_t>(powerOfTwoFrom(f.kept.items), 32) : BLOCK;
  f.lanes = static_cast<int>(std::min(widest, powerOfTwoFrom(f.slice)));
  f.divisor = divisor;
  f.y = y.data;
  f.dtype = y.dtype;
  f.partial = slices > 1 ? args.scratchOf<double>(slices * y.count) : nullptr;
  const dim3 grid(static_cast<unsigned>(ceilDiv(f.kept.items, BLOCK / f.lanes)), static_cast<unsigned>(slices));
  if (columns) launch(args, reduceKernel<Source, V, true>, grid, BLOCK, 0, f, source);
  else launch(args, reduceKernel<Source, V, false>, grid, BLOCK, 0, f, source);
  if (slices > 1) launch(args, reduceFinishKernel, static_cast<unsigned>(ceilDiv(y.count, BLOCK / 32)), BLOCK, 0, f, columns ? V : 1);
}

}  // namespace

void reduce(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<ReduceAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  const size_t rank = x.shape->size();
  std::vector<bool> isReduced(rank, false);
  for (const int64_t axis : attrs.axes) {
    args.require(axis >= 0 && axis < x.rank(), "axis out of range");
    isReduced[static_cast<size_t>(axis)] = true;
  }
  const auto xStrides = physicalStrides(*x.shape), own = physicalStrides(*y.shape);
  std::vector<int64_t> yStrides(rank, 0);
  int64_t results = 1, length = 1;
  size_t next = 0;
  for (size_t axis = 0; axis < rank; axis++) {
    const size_t target = attrs.keepDims ? axis : next;
    if (!isReduced[axis]) next++;
    args.require(isReduced[axis] || target < own.size(), "the result has too few axes");
    if (!isReduced[axis]) yStrides[axis] = own[target];
    (isReduced[axis] ? length : results) *= (*x.shape)[axis];
  }
  args.require(results == y.count && x.dtype == y.dtype && y.count > 0, "the result has the wrong size or dtype");
  const double divisor = attrs.kind == ReduceKind::mean ? static_cast<double>(length) : 1.0;
  const Box<2> box = Box<2>::of(*x.shape, {xStrides, yStrides});
  const Box<2> kept = axesOf<2>(box, false);
  const Box<1> reduced = axesOf<1>(box, true);
  const bool columns = box.innerStride(1) != 0;
  if (!isFloat(x.dtype)) return reduceTyped<AnyElements, 1>(args, AnyElements{x.data, x.dtype}, kept, reduced, columns, divisor);
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    // Rows and columns start at multiples of the innermost axis' size.
    const bool packs = box.inner() % PACK<T> == 0 || (!columns && box.rank == 1);
    if (packs) reduceTyped<Elements<T>, PACK<T>>(args, Elements<T>{x.as<T>()}, kept, reduced, columns, divisor);
    else reduceTyped<Elements<T>, 1>(args, Elements<T>{x.as<T>()}, kept, reduced, columns, divisor);
  });
}

}  // namespace revoxel::ops
