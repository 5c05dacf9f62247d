// reshape: the same elements in logical C order. Where memory order is logical order on both sides this is a plain copy
// (or nothing, in place); otherwise elements are gathered by walking both shapes in logical order.
#include <cstring>

#include "../core/strided.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** Whether memory order equals logical order. */
bool flat(const Tensor& t) { return t.rank() < 3 || t.size(1) == 1 || t.count == t.size(0) * t.size(1); }

/** Element offset in memory of the i-th element in logical order. */
int64_t offsetOf(int64_t i, const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
  int64_t at = 0;
  for (size_t axis = shape.size(); axis-- > 0;) {
    at += i % shape[axis] * strides[axis];
    i /= shape[axis];
  }
  return at;
}

template <class Unit>
void gather(const Args& args) {
  const Tensor &x = args.in[0], &y = args.out[0];
  const auto from = physicalStrides(*x.shape), to = physicalStrides(*y.shape);
  const Unit* const source = x.as<const Unit>();
  Unit* const target = y.as<Unit>();
  // Runs along the last logical axis of both share one step in either memory.
  const int64_t innerX = x.rank() == 0 ? 1 : x.shape->back(), innerY = y.rank() == 0 ? 1 : y.shape->back();
  const int64_t stepX = x.rank() == 0 ? 0 : from.back(), stepY = y.rank() == 0 ? 0 : to.back();
  int64_t run = innerX < innerY ? innerX : innerY;
  while (innerX % run != 0 || innerY % run != 0) run--;
  parallelRange(args.threads, y.count / run, run, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
      const Unit* const s = source + offsetOf(r * run, *x.shape, from);
      Unit* const t = target + offsetOf(r * run, *y.shape, to);
      for (int64_t i = 0; i < run; i++) t[i * stepY] = s[i * stepX];
    }
  });
}

}  // namespace

void reshape(const Args& args) {
  args.requireOperands(1, 1);
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.dtype == y.dtype && x.count == y.count, "operand and result differ");
  const int64_t unit = bytesOf(y.dtype);
  if (flat(x) && flat(y)) {
    if (x.data == y.data) return;
    parallelRange(args.threads, y.count, 1, [&](int64_t begin, int64_t end) {
      std::memcpy(y.as<char>() + begin * unit, x.as<const char>() + begin * unit, static_cast<size_t>((end - begin) * unit));
    });
    return;
  }
  switch (unit) {
    case 1: return gather<uint8_t>(args);
    case 2: return gather<uint16_t>(args);
    default: return gather<uint32_t>(args);
  }
}

}  // namespace revoxel::ops
