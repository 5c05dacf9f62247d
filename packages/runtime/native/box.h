/**
 * Boxes of elements with strides: the one index arithmetic behind slices, borders, concatenation, permutation and
 * broadcasting. Axes that lie behind one another in all operands are merged first, so that usual cases end in long
 * contiguous rows.
 */
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace revoxel {

/** Most axes a tensor may have here. */
constexpr int MAX_RANK = 8;

/** Element stride in memory of every logical axis of a channels-last tensor. */
inline std::vector<int64_t> physicalStrides(const std::vector<int64_t>& shape) {
  const size_t rank = shape.size();
  std::vector<int64_t> strides(rank);
  int64_t stride = 1;
  if (rank < 3) {
    for (size_t axis = rank; axis-- > 0;) {
      strides[axis] = stride;
      stride *= shape[axis];
    }
    return strides;
  }
  strides[1] = stride;
  stride *= shape[1];
  for (size_t axis = rank; axis-- > 2;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  strides[0] = stride;
  return strides;
}

/** A box of elements in `K` operands: sizes, outermost first, and strides per operand. */
template <size_t K>
struct Box {
  int rank = 0;
  std::array<int64_t, MAX_RANK> size{};
  std::array<std::array<int64_t, MAX_RANK>, K> stride{};

  /** Axes sorted by the stride of operand 0, merged where all operands allow it. Sizes of 1 vanish. */
  static Box of(const std::vector<int64_t>& sizes, const std::array<std::vector<int64_t>, K>& strides) {
    std::vector<size_t> order;
    for (size_t axis = 0; axis < sizes.size(); axis++) {
      if (sizes[axis] == 1) continue;
      size_t at = order.size();
      while (at > 0 && strides[0][order[at - 1]] < strides[0][axis]) at--;
      order.insert(order.begin() + static_cast<std::ptrdiff_t>(at), axis);
    }
    Box box;
    for (const size_t axis : order) {
      bool merge = box.rank > 0;
      for (size_t k = 0; merge && k < K; k++) merge = box.stride[k][static_cast<size_t>(box.rank - 1)] == strides[k][axis] * sizes[axis];
      if (!merge) box.rank++;
      const size_t last = static_cast<size_t>(box.rank - 1);
      box.size[last] = merge ? box.size[last] * sizes[axis] : sizes[axis];
      for (size_t k = 0; k < K; k++) box.stride[k][last] = strides[k][axis];
    }
    if (box.rank == 0) {
      box.rank = 1;
      box.size[0] = 1;
    }
    return box;
  }

  int64_t inner() const { return size[static_cast<size_t>(rank - 1)]; }
  int64_t rows() const {
    int64_t rows = 1;
    for (int axis = 0; axis + 1 < rank; axis++) rows *= size[static_cast<size_t>(axis)];
    return rows;
  }
  int64_t innerStride(size_t operand) const { return stride[operand][static_cast<size_t>(rank - 1)]; }

  /** Element offsets of every operand at row `row`. */
  std::array<int64_t, K> offsets(int64_t row) const {
    std::array<int64_t, K> at{};
    for (int axis = rank - 2; axis >= 0; axis--) {
      const int64_t index = row % size[static_cast<size_t>(axis)];
      row /= size[static_cast<size_t>(axis)];
      for (size_t k = 0; k < K; k++) at[k] += index * stride[k][static_cast<size_t>(axis)];
    }
    return at;
  }

  /** body(offsets) for rows begin .. end - 1. */
  template <class Body>
  void eachRow(int64_t begin, int64_t end, const Body& body) const {
    if (begin >= end) return;
    std::array<int64_t, MAX_RANK> index{};
    int64_t rest = begin;
    for (int axis = rank - 2; axis >= 0; axis--) {
      index[static_cast<size_t>(axis)] = rest % size[static_cast<size_t>(axis)];
      rest /= size[static_cast<size_t>(axis)];
    }
    std::array<int64_t, K> at = offsets(begin);
    for (int64_t row = begin; row < end; row++) {
      body(at);
      for (int axis = rank - 2; axis >= 0; axis--) {
        const size_t a = static_cast<size_t>(axis);
        for (size_t k = 0; k < K; k++) at[k] += stride[k][a];
        if (++index[a] < size[a]) break;
        for (size_t k = 0; k < K; k++) at[k] -= index[a] * stride[k][a];
        index[a] = 0;
      }
    }
  }
};

}  // namespace revoxel
