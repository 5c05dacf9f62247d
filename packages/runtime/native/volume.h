/** Channels-last views of rank 4 and 5 tensors as [N][D][H][W][C]; D = 1 for rank 4. */
#pragma once

#include <cstdint>
#include <vector>

#include "tensor.h"

namespace revoxel::ops {

struct Volume {
  int64_t n, c, d, h, w;

  static Volume of(const Tensor& t) {
    if (t.rank() != 4 && t.rank() != 5) throw Error("ERR_PLAN", "expects rank 4 or 5");
    const bool deep = t.rank() == 5;
    return {t.size(0), t.size(1), deep ? t.size(2) : 1, t.size(deep ? 3 : 2), t.size(deep ? 4 : 3)};
  }

  /** Element offset of channel 0. */
  int64_t at(int64_t sample, int64_t z, int64_t y, int64_t x) const { return (((sample * d + z) * h + y) * w + x) * c; }
};

/** A spatial list as three numbers; lists of two get a first entry that changes nothing. */
struct Triple {
  int64_t d, h, w;
  static Triple of(const std::vector<int64_t>& list, int64_t neutral) {
    if (list.size() == 2) return {neutral, list[0], list[1]};
    if (list.size() == 3) return {list[0], list[1], list[2]};
    throw Error("ERR_PLAN", "expects lists of two or three spatial numbers");
  }
  int64_t product() const { return d * h * w; }
};

}  // namespace revoxel::ops
