/**
 * Boxes of elements (the runtime's box.h) as kernel arguments: the merged axes with their strides, walked by item number.
 * An item is a pack of elements along the innermost axis, or one element.
 */
#pragma once

#include <box.h>

#include "divider.cuh"
#include "launch.cuh"

namespace revoxel {

/** Items that dividers can count. */
constexpr int64_t MAX_ITEMS = int64_t{1} << 31;

/** A box in packs of some elements along its innermost axis; the last pack of a row may be partly outside. */
template <int K>
struct Walk {
  int rank = 1;
  int64_t items = 1;
  Divider size[MAX_RANK];
  /** Elements from one index to the next, along the innermost axis from one pack to the next. */
  int64_t stride[K][MAX_RANK] = {};

  /** Box of at most MAX_ITEMS - 1 items, or of one axis. */
  static Walk of(const Box<static_cast<size_t>(K)>& box, int pack) {
    Walk walk;
    walk.rank = box.rank;
    walk.items = 1;
    for (int axis = 0; axis < box.rank; axis++) {
      const size_t a = static_cast<size_t>(axis);
      const bool inner = axis == box.rank - 1;
      const int64_t size = inner ? ceilDiv(box.size[a], pack) : box.size[a];
      walk.items *= size;
      if (axis > 0) walk.size[axis] = Divider::of(size);
      for (int k = 0; k < K; k++) walk.stride[k][axis] = box.stride[static_cast<size_t>(k)][a] * (inner ? pack : 1);
    }
    if (walk.rank > 1 && walk.items >= MAX_ITEMS) throw Error("ERR_PLAN", "too many elements for one kernel");
    return walk;
  }

  /** Element offsets of item `item` in every operand; returns the pack's number in its row. */
  __device__ __forceinline__ int64_t locate(int64_t item, int64_t (&at)[K]) const {
    if (rank == 1) {
#pragma unroll
      for (int k = 0; k < K; k++) at[k] = item * stride[k][0];
      return item;
    }
#pragma unroll
    for (int k = 0; k < K; k++) at[k] = 0;
    uint32_t rest = static_cast<uint32_t>(item), pack = 0;
    for (int axis = rank - 1; axis >= 0; axis--) {
      uint32_t index = rest;
      if (axis > 0) {
        rest = size[axis].quotient(rest);
        index -= rest * size[axis].divisor;
      }
      if (axis == rank - 1) pack = index;
#pragma unroll
      for (int k = 0; k < K; k++) at[k] += index * stride[k][axis];
    }
    return pack;
  }
};

/** body(walk, element offsets of the part) for parts of a box that one kernel each can count; usually one. */
template <size_t K, class Body>
void eachPart(const Box<K>& box, int pack, const std::array<int64_t, K>& base, const Body& body) {
  int64_t items = ceilDiv(box.inner(), pack);
  for (int axis = 0; axis + 1 < box.rank; axis++) items *= box.size[static_cast<size_t>(axis)];
  if (box.rank == 1 || items < MAX_ITEMS) return body(Walk<static_cast<int>(K)>::of(box, pack), base);
  Box<K> rest = box;
  if (box.size[0] == 1) {
    rest.rank--;
    for (int axis = 0; axis < rest.rank; axis++) {
      const size_t a = static_cast<size_t>(axis);
      rest.size[a] = box.size[a + 1];
      for (size_t k = 0; k < K; k++) rest.stride[k][a] = box.stride[k][a + 1];
    }
    return eachPart(rest, pack, base, body);
  }
  const int64_t half = box.size[0] / 2;
  std::array<int64_t, K> next = base;
  for (size_t k = 0; k < K; k++) next[k] += half * box.stride[k][0];
  rest.size[0] = half;
  eachPart(rest, pack, base, body);
  rest.size[0] = box.size[0] - half;
  eachPart(rest, pack, next, body);
}

/** Whether every row starts at a multiple of `pack` elements in operand `k`. */
template <size_t K>
bool rowsAligned(const Box<K>& box, size_t k, int64_t pack) {
  for (int axis = 0; axis + 1 < box.rank; axis++) {
    if (box.stride[k][static_cast<size_t>(axis)] % pack != 0) return false;
  }
  return true;
}

/** Strides of `operand` along the axes of `shape`, 0 where it is repeated. */
inline std::vector<int64_t> repeatedStrides(const Args& args, const Tensor& operand, const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 0);
  if (operand.rank() == 0) return strides;
  args.require(operand.rank() == static_cast<int>(shape.size()), "operands have different ranks");
  const auto own = physicalStrides(*operand.shape);
  for (size_t axis = 0; axis < shape.size(); axis++) {
    args.require((*operand.shape)[axis] == shape[axis] || (*operand.shape)[axis] == 1, "sizes must be equal or 1");
    strides[axis] = (*operand.shape)[axis] == 1 ? 0 : own[axis];
  }
  return strides;
}

}  // namespace revoxel
