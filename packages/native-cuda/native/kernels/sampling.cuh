/**
 * Where a resized axis samples: output o at (o + 0.5) * from / to - 0.5, clamped to 0 .. from - 1; in whole numbers of
 * 1 / (2 to), so that places and weights are exact up to the rounding of a weight to fp32.
 */
#pragma once

#include "places.cuh"

namespace revoxel {

/** Two neighbours and the weight of the second. */
struct Sample {
  int low, high;
  float weight;
};

/** Outputs begin .. end - 1. */
struct Run {
  int begin, end;
};

struct Axis {
  int from, to;
  /** Division by to, 2 to, from and 2 from. */
  Quotient byTo, byTwiceTo, byFrom, byTwiceFrom;

  static Axis of(int64_t from, int64_t to) {
    return {static_cast<int>(from), static_cast<int>(to), Quotient::of(to), Quotient::of(2 * to), Quotient::of(from), Quotient::of(2 * from)};
  }

  __device__ __forceinline__ int nearest(int output) const {
    return static_cast<int>(byTo(static_cast<int64_t>(output) * from));
  }
  __device__ __forceinline__ Sample linear(int output) const {
    const int64_t place = static_cast<int64_t>(2 * output + 1) * from - to;
    if (place <= 0) return {0, from > 1 ? 1 : 0, 0.0f};
    int64_t whole = place;
    const int rest = byTwiceTo.take(whole);
    const int low = static_cast<int>(whole);
    if (low >= from - 1) return {from - 1, from - 1, 0.0f};
    return {low, low + 1, static_cast<float>(rest) / static_cast<float>(2 * to)};
  }

  /** Outputs whose nearest is `input`. */
  __device__ __forceinline__ Run nearestRun(int input) const {
    return {ceilByFrom(static_cast<int64_t>(input) * to), ceilByFrom(static_cast<int64_t>(input + 1) * to)};
  }
  /** Outputs that give `input` a weight. */
  __device__ __forceinline__ Run linearRun(int input) const {
    // Strictly between the places of the neighbours, or beyond the first or last voxel.
    const int64_t low = static_cast<int64_t>(2 * input - 1) * to - from, high = static_cast<int64_t>(2 * input + 3) * to - from;
    const int begin = input == 0 || low < 0 ? 0 : static_cast<int>(byTwiceFrom(low)) + 1;
    const int end = input == from - 1 ? to : high <= 0 ? 0 : static_cast<int>(byTwiceFrom(high - 1)) + 1;
    return {begin, end};
  }
  /** Weight that output `output`, one of linearRun(input), gives `input`. */
  __device__ __forceinline__ float weight(int output, int input) const {
    // Below 2 to in size: the run says so.
    int distance = static_cast<int>(static_cast<int64_t>(2 * output + 1) * from - to - static_cast<int64_t>(2 * to) * input);
    if ((input == 0 && distance < 0) || (input == from - 1 && distance > 0)) distance = 0;
    return static_cast<float>(2 * to - (distance < 0 ? -distance : distance)) / static_cast<float>(2 * to);
  }

 private:
  __device__ __forceinline__ int ceilByFrom(int64_t n) const { return static_cast<int>(byFrom(n + from - 1)); }
};

struct Axes {
  Axis d, h, w;

  /** @param small the sampled side, @param large the sampling side. */
  static Axes of(const ops::Volume& small, const ops::Volume& large) {
    return {Axis::of(small.d, large.d), Axis::of(small.h, large.h), Axis::of(small.w, large.w)};
  }
};

}  // namespace revoxel
