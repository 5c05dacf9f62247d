/**
 * What the three convolution operations share: the kernels' ConvShape from plan attributes, packed weights (from a
 * derived value, or packed into scratch when the weights are no parameter), and the split of scratch between the two.
 */
#pragma once

#include <cstdint>
#include <vector>

#include "../core/tensor.h"
#include "../kernels/conv.h"
#include <volume.h>

namespace revoxel::ops {

/** The kernels' shape of a convolution x -> y. */
inline ConvShape convShapeOf(const Volume& x, int64_t ci, const Volume& y, int64_t co, const std::vector<int64_t>& kernel, const std::vector<int64_t>& stride, const std::vector<int64_t>& pad,
                             const std::vector<int64_t>& dilation, int64_t groups) {
  const Triple k = Triple::of(kernel, 1), s = Triple::of(stride, 1), p = Triple::of(pad, 0), d = Triple::of(dilation, 1);
  const ConvShape shape{x.n, ci, x.d, x.h, x.w, co, y.d, y.h, y.w, k.d, k.h, k.w, s.d, s.h, s.w, p.d, p.h, p.w, d.d, d.h, d.w, groups};
  if (const char* fault = convCheck(shape)) throw Error("ERR_PLAN", fault);
  return shape;
}

inline int64_t weightCount(const ConvShape& s) { return s.co * s.kd * s.kh * s.kw * (s.ci / s.groups); }

/** Floats rounded up so that what follows stays aligned to 64 bytes. */
inline int64_t alignedFloats(int64_t n) { return (n + 15) / 16 * 16; }

/** The pieces of a convolution's input. */
template <class T>
struct InputPieces {
  PieceOf<T> items[CONV_MAX_PIECES];
  PiecesOf<T> list;

  InputPieces(const Args& args, int64_t count) : list{items, count} {
    args.require(count >= 1 && count <= CONV_MAX_PIECES, "too many input pieces");
    for (int64_t i = 0; i < count; i++) {
      const Tensor& piece = args.in[static_cast<size_t>(i)];
      items[i] = {piece.as<const T>(), piece.channels()};
    }
  }
  InputPieces(const InputPieces&) = delete;
  InputPieces& operator=(const InputPieces&) = delete;
};

inline int64_t channelsOf(const Args& args, int64_t pieces) {
  int64_t channels = 0;
  args.require(pieces >= 1 && static_cast<size_t>(pieces) <= args.in.size(), "wrong number of pieces");
  for (int64_t i = 0; i < pieces; i++) channels += args.in[static_cast<size_t>(i)].channels();
  return channels;
}

/** Calls body with a value of the activation's type: float or Bf16. */
template <class Body>
void byActivation(DType dtype, const Body& body) {
  if (dtype == DType::bf16) body(Bf16{});
  else if (dtype == DType::f32) body(float{});
  else throw Error("ERR_PLAN", "activations must be f32 or bf16");
}

}  // namespace revoxel::ops
