// crossEntropyGrad: dx = dloss / count * (softmax(x) - onehot) at voxels that count, 0 elsewhere. In place.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "ops.h"
#include "softmax-rows.h"

namespace revoxel::ops {

void crossEntropyGrad(const Args& args) {
  args.requireOperands(4, 1);
  const Tensor &x = args.in[0], &dx = args.out[0];
  const uint8_t* const labels = args.in[1].as<uint8_t>();
  const int64_t ignore = args.attrs<CrossEntropyGradAttrs>().ignore;
  const int64_t c = x.channels();
  args.require(args.in[1].dtype == DType::u8 && args.in[1].count == x.count / c && dx.count == x.count && c <= 255, "labels do not fit the scores");
  const float factor = loadOne(args.in[3], 0) / loadOne(args.in[2], 0);
  parallelChunks(args.threads, x.count, CHUNK / c * c, [&](int64_t i, int64_t n) {
    float xs[CHUNK], es[CHUNK], maxima[CHUNK], sums[CHUNK];
    const int64_t rows = n / c;
    expRows(loadChunk(x, i, n, xs), es, rows, c, maxima, sums);
    for (int64_t r = 0; r < rows; r++) {
      const int64_t label = labels[i / c + r];
      const float scale = label == ignore ? 0.0f : factor / sums[r];
      if (label == ignore) {
        for (int64_t k = 0; k < c; k++) es[r * c + k] = 0.0f;
        continue;
      }
      for (int64_t k = 0; k < c; k++) es[r * c + k] *= scale;
      if (label < c) es[r * c + label] -= factor;
    }
    if (dx.dtype == DType::bf16) storeChunk(dx, i, n, es);
    else std::memcpy(dx.f32() + i, es, static_cast<size_t>(n) * sizeof(float));
  });
}

}  // namespace revoxel::ops
