/**
 * Sizes and operands of a convolution as its kernels want them, the same for conv, convTranspose and convWeightGrad:
 * x [n][id][ih][iw][ci], y [n][od][oh][ow][co], w [co][kd][kh][kw][ci / groups]. Plain data, passed to kernels by value.
 */
#pragma once

#include <volume.h>

#include <cstdint>
#include <vector>

#include "../core/args.h"

// Methods that kernels call as well; host compilers see nothing.
#if defined(__CUDACC__)
#define REVOXEL_BOTH __host__ __device__
#else
#define REVOXEL_BOTH
#endif

namespace revoxel {

/** Sizes of the whole convolution; 2D has depth 1. Pads are those before; the ones after follow from the sizes. */
struct ConvShape {
  int n, ci, id, ih, iw, co, od, oh, ow;
  int kd, kh, kw, sd, sh, sw, pd, ph, pw, dd, dh, dw;
  int groups;

  REVOXEL_BOTH int taps() const { return kd * kh * kw; }
  REVOXEL_BOTH int inGroup() const { return ci / groups; }
  REVOXEL_BOTH int outGroup() const { return co / groups; }
  /** Voxels of all samples; below 2^31, elements may be more. */
  REVOXEL_BOTH int inVoxels() const { return n * id * ih * iw; }
  REVOXEL_BOTH int outVoxels() const { return n * od * oh * ow; }
  REVOXEL_BOTH int64_t weights() const { return static_cast<int64_t>(co) * taps() * inGroup(); }
};

/** Most pieces an input may consist of. */
constexpr int MAX_PIECES = 8;

/** The input of a convolution: tensors of one dtype whose channels add up to ci. */
struct ConvPieces {
  const void* at[MAX_PIECES];
  int channels[MAX_PIECES];
  int count;

  /** Whether every piece holds a multiple of `pack` channels. */
  bool packed(int pack) const {
    for (int p = 0; p < count; p++) {
      if (channels[p] % pack != 0) return false;
    }
    return true;
  }
};

/** `x` gives samples and sizes, its channels do not count. Throws Error ERR_PLAN for what does not fit in a ConvShape. */
inline ConvShape convShapeOf(const ops::Volume& x, int64_t ci, const ops::Volume& y, int64_t co, const std::vector<int64_t>& kernel, const std::vector<int64_t>& stride, const std::vector<int64_t>& pad, const std::vector<int64_t>& dilation, int64_t groups) {
  const ops::Triple k = ops::Triple::of(kernel, 1), s = ops::Triple::of(stride, 1), p = ops::Triple::of(pad, 0), d = ops::Triple::of(dilation, 1);
  constexpr int64_t most = 0x7fffffff;
  for (const int64_t size : {x.d, x.h, x.w, y.d, y.h, y.w, ci, co, k.d, k.h, k.w, s.d, s.h, s.w, d.d, d.h, d.w}) {
    // Positions are sums of a few products of these, kept in 32 bits.
    if (size < 1 || size >= 1 << 24) throw Error("ERR_PLAN", "a size of the convolution is out of range");
  }
  if (x.n != y.n || groups < 1 || ci % groups != 0 || co % groups != 0) throw Error("ERR_PLAN", "samples or groups do not fit");
  const auto reach = [](int64_t size, int64_t taps, int64_t step, int64_t before, int64_t spread) { return before >= 0 && size * step + before + taps * spread < most / 2 && step * spread < most / 2; };
  if (!reach(y.d, k.d, s.d, p.d, d.d) || !reach(y.h, k.h, s.h, p.h, d.h) || !reach(y.w, k.w, s.w, p.w, d.w)) throw Error("ERR_PLAN", "the convolution reaches too far");
  if (x.n * x.d * x.h * x.w >= most / 2 || y.n * y.d * y.h * y.w >= most / 2 || k.product() >= most / 2) throw Error("ERR_PLAN", "more voxels than the kernels can count");
  const auto narrow = [](int64_t size) { return static_cast<int>(size); };
  return {narrow(x.n), narrow(ci), narrow(x.d), narrow(x.h), narrow(x.w), narrow(co), narrow(y.d), narrow(y.h), narrow(y.w),
          narrow(k.d), narrow(k.h), narrow(k.w), narrow(s.d), narrow(s.h), narrow(s.w), narrow(p.d), narrow(p.h), narrow(p.w), narrow(d.d), narrow(d.h), narrow(d.w),
          narrow(groups)};
}

/** The first `count` operands as pieces. Throws Error ERR_PLAN unless they agree in dtype and in all sizes but channels. */
inline ConvPieces convPiecesOf(const Args& args, int64_t count) {
  if (count < 1 || count > MAX_PIECES) throw Error("ERR_PLAN", "takes up to " + std::to_string(MAX_PIECES) + " input pieces, got " + std::to_string(count));
  ConvPieces pieces{};
  const Tensor& first = args.in[0];
  for (int64_t p = 0; p < count; p++) {
    const Tensor& piece = args.in[static_cast<size_t>(p)];
    args.require(piece.dtype == first.dtype && piece.rank() == first.rank() && piece.samples() == first.samples() && piece.voxels() == first.voxels(), "input pieces differ");
    pieces.at[p] = piece.data;
    pieces.channels[p] = static_cast<int>(piece.channels());
  }
  pieces.count = static_cast<int>(count);
  return pieces;
}

/** One tensor as pieces. */
inline ConvPieces convPieceOf(const Tensor& tensor) {
  ConvPieces pieces{};
  pieces.at[0] = tensor.data;
  pieces.channels[0] = static_cast<int>(tensor.channels());
  pieces.count = 1;
  return pieces;
}

/** Channels of all pieces. */
inline int64_t channelsOf(const ConvPieces& pieces) {
  int64_t channels = 0;
  for (int p = 0; p < pieces.count; p++) channels += pieces.channels[p];
  return channels;
}

/** Shape of a conv call. */
inline ConvShape convShapeOf(const Args& args, const ConvAttrs& attrs, const ConvPieces& pieces) {
  return convShapeOf(ops::Volume::of(args.in[0]), channelsOf(pieces), ops::Volume::of(args.out[0]), attrs.outChannels, attrs.kernel, attrs.stride, attrs.padBefore, attrs.dilation, attrs.groups);
}

/** Shape of the convolution that a convTranspose call transposes: its operand is y, its result a channel slice of x. */
inline ConvShape convShapeOf(const Args& args, const ConvTransposeAttrs& attrs) {
  const ops::Volume y = ops::Volume::of(args.in[0]);
  return convShapeOf(ops::Volume::of(args.out[0]), attrs.inChannels, y, y.c, attrs.kernel, attrs.stride, attrs.padBefore, attrs.dilation, attrs.groups);
}

/** Shape of a convWeightGrad call; its last operand is dy. */
inline ConvShape convShapeOf(const Args& args, const ConvWeightGradAttrs& attrs, const ConvPieces& pieces) {
  const ops::Volume y = ops::Volume::of(args.in.back());
  return convShapeOf(ops::Volume::of(args.in[0]), channelsOf(pieces), y, y.c, attrs.kernel, attrs.stride, attrs.padBefore, attrs.dilation, attrs.groups);
}

}  // namespace revoxel
