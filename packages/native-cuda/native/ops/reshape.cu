// reshape: the same elements in logical C order. Where memory order is logical order on both sides this is a plain copy
// (or nothing, in place); otherwise both shapes are walked in logical order.
#include "../kernels/copy.cuh"
#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** Whether memory order equals logical order. */
bool flat(const Tensor& t) { return t.rank() < 3 || t.size(1) == 1 || t.count == t.size(0) * t.size(1); }

/** Sizes and strides along axes that both shapes have in logical order, or nothing where their axes cut one another. */
bool commonAxes(const Tensor& y, const Tensor& x, std::vector<int64_t>& sizes, std::array<std::vector<int64_t>, 2>& strides) {
  const auto own = std::array<std::vector<int64_t>, 2>{physicalStrides(*y.shape), physicalStrides(*x.shape)};
  const std::array<const std::vector<int64_t>*, 2> shape{y.shape, x.shape};
  // From the last axis: what is left of the current axis of either, and how many of its elements went before.
  std::array<size_t, 2> axis{shape[0]->size(), shape[1]->size()};
  std::array<int64_t, 2> left{1, 1}, step{0, 0};
  while (true) {
    for (size_t k = 0; k < 2; k++) {
      while (left[k] == 1 && axis[k] > 0) {
        axis[k]--;
        left[k] = (*shape[k])[axis[k]];
        step[k] = own[k][axis[k]];
      }
    }
    if (left[0] == 1 || left[1] == 1) break;
    const int64_t size = std::min(left[0], left[1]);
    if (left[0] % size != 0 || left[1] % size != 0) return false;
    sizes.insert(sizes.begin(), size);
    for (size_t k = 0; k < 2; k++) {
      strides[k].insert(strides[k].begin(), step[k]);
      left[k] /= size;
      step[k] *= size;
    }
  }
  return true;
}

/** A tensor's index arithmetic in logical order. */
struct Logical {
  int rank = 0;
  int64_t size[MAX_RANK] = {};
  int64_t stride[MAX_RANK] = {};

  static Logical of(const Tensor& t) {
    Logical logical;
    const auto strides = physicalStrides(*t.shape);
    logical.rank = t.rank();
    for (int axis = 0; axis < t.rank(); axis++) {
      logical.size[axis] = t.size(axis);
      logical.stride[axis] = strides[static_cast<size_t>(axis)];
    }
    return logical;
  }
  __device__ int64_t offset(int64_t i) const {
    int64_t at = 0;
    for (int axis = rank - 1; axis >= 0; axis--) {
      at += i % size[axis] * stride[axis];
      i /= size[axis];
    }
    return at;
  }
};

template <class Unit>
struct Gather {
  Logical to, from;
  Unit* y;
  const Unit* x;
  __device__ void operator()(int64_t i) const { y[to.offset(i)] = x[from.offset(i)]; }
};

}  // namespace

void reshape(const Args& args) {
  args.requireOperands(1, 1);
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.dtype == y.dtype && x.count == y.count, "operand and result differ");
  args.require(x.rank() <= MAX_RANK && y.rank() <= MAX_RANK, "too many axes");
  const int64_t bytes = bytesOf(y.dtype);
  if (flat(x) && flat(y)) return copyFlat(args, y.data, x.data, y.count * bytes);
  std::vector<int64_t> sizes;
  std::array<std::vector<int64_t>, 2> strides;
  if (commonAxes(y, x, sizes, strides) && sizes.size() <= MAX_RANK) return copyBox(args, Box<2>::of(sizes, strides), y.data, 0, x.data, 0, bytes);
  withUnit(y.dtype, [&](auto unit) {
    using Unit = decltype(unit);
    forEach(args, y.count, Gather<Unit>{Logical::of(y), Logical::of(x), y.as<Unit>(), x.as<Unit>()});
  });
}

}  // namespace revoxel::ops
