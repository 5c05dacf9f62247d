// dropout: element i (memory order) takes word i % 4 of the Philox block with counter (i / 4 low, high, step, 0) and key
// (seed, key); kept where the word is at least p * 2^32, then divided by 1 - p. In place.
#include <cmath>

#include "../kernels/element.cuh"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** A thread takes the four elements of a block of random words. */
template <class T>
struct Dropout {
  const T* x;
  T* y;
  int64_t n;
  const uint32_t *seed, *step;
  uint64_t threshold;
  float factor;
  uint32_t key;

  __device__ void operator()(int64_t block) const {
    const Philox4 draw = philox4x32(static_cast<uint32_t>(block), static_cast<uint32_t>(static_cast<uint64_t>(block) >> 32), step[0], 0, seed[0], key);
    const int64_t i = block * 4;
    if (i + 4 <= n) {
      Pack<T, 4> pack = loadPack<T, 4>(x + i);
#pragma unroll
      for (int k = 0; k < 4; k++) pack.at[k] = fromFloat<T>(draw.word[k] >= threshold ? toFloat(pack.at[k]) * factor : 0.0f);
      storePack<T, 4>(y + i, pack);
      return;
    }
#pragma unroll
    for (int k = 0; k < 4; k++) {
      if (i + k < n) y[i + k] = fromFloat<T>(draw.word[k] >= threshold ? toFloat(x[i + k]) * factor : 0.0f);
    }
  }
};

}  // namespace

void dropout(const Args& args) {
  args.requireOperands(3, 1);
  const auto& attrs = args.attrs<DropoutAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  args.require(x.count == y.count && x.dtype == y.dtype && args.in[1].dtype == DType::u32 && args.in[2].dtype == DType::u32, "operands do not fit");
  const uint64_t threshold = static_cast<uint64_t>(std::ceil(attrs.p * 4294967296.0));
  const float factor = static_cast<float>(1.0 / (1.0 - attrs.p));
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    forEach(args, ceilDiv(y.count, 4), Dropout<T>{x.as<T>(), y.as<T>(), y.count, args.in[1].as<uint32_t>(), args.in[2].as<uint32_t>(), threshold, factor, static_cast<uint32_t>(attrs.key)});
  });
}

}  // namespace revoxel::ops
