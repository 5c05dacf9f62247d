// assign: the persistent state (operand 0, which the result overlays) takes the bytes of operand 1.
#include <cstring>

#include "../core/parallel.h"
#include "ops.h"

namespace revoxel::ops {

void assign(const Args& args) {
  args.requireOperands(2, 1);
  const Tensor &value = args.in[1], &state = args.out[0];
  args.require(value.count == state.count && value.dtype == state.dtype, "state and value differ");
  if (state.data == value.data) return;
  const int64_t unit = bytesOf(state.dtype);
  parallelRange(args.threads, state.count, 1, [&](int64_t begin, int64_t end) {
    std::memcpy(state.as<char>() + begin * unit, value.as<const char>() + begin * unit, static_cast<size_t>((end - begin) * unit));
  });
}

}  // namespace revoxel::ops
