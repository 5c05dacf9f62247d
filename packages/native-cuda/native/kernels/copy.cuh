/** Copies of boxes and of whole tensors, and tensors of one number: bytes, whatever they mean. Kernels: ops/copy.cu. */
#pragma once

#include <box.h>

#include "../core/args.h"

namespace revoxel {

/**
 * Bytes of a tensor to another place, nothing where that is the same; both places are multiples of 16 bytes. With
 * `status`: nothing happens once status[0] is set.
 */
void copyFlat(const Args& args, void* y, const void* x, int64_t bytes, const int* status = nullptr);

/** Copies the elements of a box from x (operand 1) to y (operand 0). Places and strides in elements of `bytes` bytes. */
void copyBox(const Args& args, Box<2> box, void* y, int64_t yAt, const void* x, int64_t xAt, int64_t bytes);

/** All elements of y, converted to its dtype as a cast would. */
void fillValue(const Args& args, const Tensor& y, double value);

}  // namespace revoxel
