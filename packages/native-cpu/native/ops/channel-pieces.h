/** Channels of a voxel lie together: one pass over a tensor and its pieces along the channels, for split and concat. */
#pragma once

#include <cstdint>
#include <vector>

#include "../core/copy-run.h"
#include "../core/parallel.h"
#include "../core/tensor.h"

namespace revoxel::ops {

/** Copies between a tensor of rank >= 2 and its pieces along axis 1, which together have its channels. */
inline void moveChannelPieces(int threads, const Tensor& whole, const std::vector<Tensor>& pieces, bool toPieces) {
  const int64_t unit = bytesOf(whole.dtype), rowBytes = whole.channels() * unit;
  char* const data = whole.as<char>();
  parallelRange(threads, whole.count / whole.channels(), whole.channels(), [&](int64_t begin, int64_t end) {
    // Some thousand bytes of every piece in turn: each stream is then read or written in runs, and the rest is in the caches.
    const int64_t step = rowBytes < 8192 ? 8192 / rowBytes : 1;
    for (int64_t first = begin; first < end; first += step) {
      const int64_t last = end < first + step ? end : first + step;
      int64_t at = 0;
      for (const Tensor& piece : pieces) {
        const int64_t bytes = piece.channels() * unit;
        char* const part = piece.as<char>();
        for (int64_t row = first; row < last; row++) {
          char* const inside = data + row * rowBytes + at;
          char* const outside = part + row * bytes;
          copyRun(toPieces ? outside : inside, toPieces ? inside : outside, bytes);
        }
        at += bytes;
      }
    }
  });
}

}  // namespace revoxel::ops
