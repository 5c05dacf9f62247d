/** Copies between host arrays in logical C order and channels-last memory. */
#pragma once

#include <session-types.h>

#include <cstdint>
#include <vector>

namespace revoxel {

/** Copies one tensor of `shape`; both sides hold all of its elements, `elementBytes` each. */
void copyLayout(int threads, void* device, void* host, const std::vector<int64_t>& shape, int64_t elementBytes, Direction direction);

}  // namespace revoxel
