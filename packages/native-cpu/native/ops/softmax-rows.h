/** Exponentials of channel rows, shared by softmax and the cross-entropy. */
#pragma once

#include <cstdint>

namespace revoxel::ops {

/** y = e^x over n floats, vectorised. */
void expRun(const float* x, float* y, int64_t n);

/**
 * For `rows` rows of c numbers: e = exp(x - max of the row), maxima and sums per row.
 * @param e rows * c floats; may be x.
 */
void expRows(const float* x, float* e, int64_t rows, int64_t c, float* maxima, float* sums);

}  // namespace revoxel::ops
