/** Places in channels-last volumes by item number, where an item is a pack of channels of one voxel; without divisions. */
#pragma once

#include <volume.h>

#include "launch.cuh"

namespace revoxel {

/** Division by a number that the host knows, as the upper half of a product. Exact for 0 <= n with n * by < 2^64; below 2^31 a Divider is cheaper. */
struct Quotient {
  /** 2^64 / by, rounded up; 0 stands for by = 1. */
  uint64_t factor;
  int64_t by;

  static Quotient of(int64_t by) { return {~uint64_t{0} / static_cast<uint64_t>(by) + 1, by}; }
  __device__ __forceinline__ int64_t operator()(int64_t n) const {
    return by == 1 ? n : static_cast<int64_t>(__umul64hi(static_cast<uint64_t>(n), factor));
  }
  /** The remainder; n becomes the quotient. */
  __device__ __forceinline__ int take(int64_t& n) const {
    const int64_t q = (*this)(n);
    const int rest = static_cast<int>(n - q * by);
    n = q;
    return rest;
  }
};

/** Sizes along an axis that kernels count with 32 bits, and Quotient exactly. */
constexpr int64_t MAX_SIZE = int64_t{1} << 20;

/** Where an item lies: sample, voxel and first channel. */
struct Place {
  int64_t n;
  int z, y, x, c;
};

/** Items of a volume in the order of memory. `pack` divides the channels. */
struct Places {
  Quotient w, h, d, packs;
  int64_t items;
  int pack;

  static Places of(const ops::Volume& v, int pack) {
    if (v.d > MAX_SIZE || v.h > MAX_SIZE || v.w > MAX_SIZE || v.c > MAX_SIZE) throw Error("ERR_PLAN", "sizes above 2^20 are not supported");
    return {Quotient::of(v.w), Quotient::of(v.h), Quotient::of(v.d), Quotient::of(v.c / pack), v.n * v.d * v.h * v.w * (v.c / pack), pack};
  }
  __device__ __forceinline__ Place at(int64_t item) const {
    Place place;
    place.c = packs.take(item) * pack;
    place.x = w.take(item);
    place.y = h.take(item);
    place.z = d.take(item);
    place.n = item;
    return place;
  }
};

/** A volume as kernels see it: coordinates in 32 bits, element strides and offsets in 64. */
struct Grid {
  int d, h, w, c;
  int64_t row, plane, sample;

  static Grid of(const ops::Volume& v) {
    return {static_cast<int>(v.d), static_cast<int>(v.h), static_cast<int>(v.w), static_cast<int>(v.c), v.w * v.c, v.h * v.w * v.c, v.d * v.h * v.w * v.c};
  }
  __device__ __forceinline__ int64_t at(int64_t n, int z, int y, int x, int channel) const {
    return n * sample + z * plane + y * row + static_cast<int64_t>(x) * c + channel;
  }
};

/** Indices begin .. end - 1 along one axis. */
struct Span {
  int begin, end;
  __device__ __forceinline__ int length() const { return end - begin; }
};

/** body(element offset) for every voxel of a part of a sample, in D, H, W order. */
template <class Body>
__device__ __forceinline__ void eachVoxel(const Grid& grid, int64_t n, Span z, Span y, Span x, int channel, const Body& body) {
  int64_t plane = grid.at(n, z.begin, y.begin, x.begin, channel);
  for (int i = z.begin; i < z.end; i++, plane += grid.plane) {
    int64_t row = plane;
    for (int j = y.begin; j < y.end; j++, row += grid.row) {
      int64_t at = row;
#pragma unroll 2
      for (int k = x.begin; k < x.end; k++, at += grid.c) body(at);
    }
  }
}

/** Three numbers of the spatial axes. */
struct Trio {
  int d, h, w;

  static Trio of(const ops::Triple& t) { return {static_cast<int>(t.d), static_cast<int>(t.h), static_cast<int>(t.w)}; }
};

/** Calls body(std::integral_constant<int, V>{}) with the channels of an item: 8, or 1 where 8 do not divide them. */
template <class Body>
void withPack(int64_t channels, const Body& body) {
  if (channels % 8 == 0) body(std::integral_constant<int, 8>{});
  else body(std::integral_constant<int, 1>{});
}

}  // namespace revoxel
