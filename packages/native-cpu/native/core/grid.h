/** The grid of a fixed-point stream, read from the operand that holds its exponent. */
#pragma once

#include <fixed-point.h>

#include <cmath>

#include "tensor.h"

namespace revoxel {

/** 2^g of the operand that holds a grid's exponent. */
inline float gridScale(const Tensor& exponent) { return std::ldexp(1.0f, static_cast<int>(exponent.f32()[0])); }

/** 2^-g: the value of k = 1. */
inline float gridStep(const Tensor& exponent) { return std::ldexp(1.0f, -static_cast<int>(exponent.f32()[0])); }

}  // namespace revoxel
