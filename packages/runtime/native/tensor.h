/**
 * What a native kernel gets: views of its operands and the place of its scratch. Memory is channels-last: a tensor of
 * rank >= 2 is [N][rest of the axes][C] with axis 1 (C) last; rank 0 and 1 are flat. No ownership here; addresses are
 * those of the executor's memory, which the host may not be able to read.
 */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan-error.h"
#include "plan-types.h"

namespace revoxel {

struct Tensor {
  void* data = nullptr;
  DType dtype = DType::f32;
  /** Logical sizes: N, C, spatial axes. */
  const std::vector<int64_t>* shape = nullptr;
  int64_t count = 0;

  int rank() const { return static_cast<int>(shape->size()); }
  int64_t size(int axis) const { return (*shape)[static_cast<size_t>(axis)]; }
  /** Samples; 1 below rank 2. */
  int64_t samples() const { return rank() < 2 ? 1 : size(0); }
  /** Channels, the contiguous axis of rank >= 2; 1 below. */
  int64_t channels() const { return rank() < 2 ? 1 : size(1); }
  /** Voxels of one sample. */
  int64_t voxels() const { return count / (samples() * channels()); }

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  float* f32() const { return as<float>(); }
};

/** One kernel call, bound to memory. Executors add what their kernels run on. */
struct CallView {
  const PlanCall* call = nullptr;
  std::vector<Tensor> in;
  std::vector<Tensor> out;
  char* scratch = nullptr;

  template <class A>
  const A& attrs() const {
    return std::get<A>(call->attrs);
  }
  int64_t scratchBytes() const { return call->scratchBytes; }

  /** Throws an error of this call unless `good`. */
  void require(bool good, const char* what) const {
    if (!good) throw Error("ERR_PLAN", what);
  }
  void requireOperands(size_t inputs, size_t outputs) const {
    if (in.size() != inputs || out.size() != outputs) {
      throw Error("ERR_PLAN", "expects " + std::to_string(inputs) + " operands and " + std::to_string(outputs) + " results");
    }
  }
  /** The scratch, checked for size. */
  template <class T>
  T* scratchOf(int64_t elements) const {
    const int64_t bytes = elements * static_cast<int64_t>(sizeof(T));
    if (bytes > scratchBytes()) throw Error("ERR_PLAN", "needs " + std::to_string(bytes) + " bytes of scratch, the plan gives " + std::to_string(scratchBytes()));
    return reinterpret_cast<T*>(scratch);
  }
};

/** Shapes of tensors as text, for messages. */
inline std::string shapesOf(const std::vector<Tensor>& tensors) {
  std::string text;
  for (const auto& tensor : tensors) {
    text += text.empty() ? "[" : " [";
    for (int axis = 0; axis < tensor.rank(); axis++) text += (axis ? ", " : "") + std::to_string(tensor.size(axis));
    text += "]";
  }
  return text;
}

}  // namespace revoxel
