#include "conv-onednn.h"

#include "../kernels/onednn.h"

namespace revoxel::ops {

#if defined(REVOXEL_HAVE_ONEDNN)

namespace {

std::vector<int64_t> channelsOfPieces(const Args& args, int64_t pieces) {
  std::vector<int64_t> channels;
  for (int64_t i = 0; i < pieces; i++) channels.push_back(args.in[static_cast<size_t>(i)].channels());
  return channels;
}

/** The call's scratch: the library's own first, packed weights behind it. */
struct Room {
  float* own;
  float* packed;

  Room(const Args& args, const ConvShape& shape, Pass pass, const std::vector<int64_t>& channels) {
    const int64_t floats = onednnCallScratch(shape, pass, channels, args.threads, true);
    args.require(floats >= 0, "oneDNN has no kernel for this convolution; compile the plan again on this machine");
    own = args.scratchOf<float>(floats);
    packed = own + alignedFloats(onednnScratch(shape, pass, channels.data(), static_cast<int64_t>(channels.size()), args.threads));
  }
};

void requireF32(const Args& args) {
  for (const auto* list : {&args.in, &args.out}) {
    for (const Tensor& t : *list) args.require(t.dtype == DType::f32, "oneDNN runs f32 only here");
  }
}

}  // namespace

int64_t onednnCallScratch(const ConvShape& shape, Pass pass, const std::vector<int64_t>& channels, int threads, bool always) {
  if (!always && !onednnFaster(shape, pass)) return -1;
  const int64_t count = static_cast<int64_t>(channels.size());
  if (!onednnSupports(shape, pass, channels.data(), count, threads)) return -1;
  int64_t floats = alignedFloats(onednnScratch(shape, pass, channels.data(), count, threads));
  if (pass != Pass::WeightGrad) {
    for (const int64_t piece : channels) floats += alignedFloats(onednnPackedSize(shape, pass, piece, threads));
  }
  return floats;
}

void convOnednn(const Args& args, const ConvShape& shape, int64_t pieces, const float* w, const float* bias) {
  requireF32(args);
  const auto channels = channelsOfPieces(args, pieces);
  const Room room(args, shape, Pass::Forward, channels);
  int64_t begin = 0;
  float* packed = room.packed;
  for (const int64_t piece : channels) {
    onednnPack(shape, Pass::Forward, w, begin, piece, packed, args.threads);
    packed += onednnPackedSize(shape, Pass::Forward, piece, args.threads);
    begin += piece;
  }
  const InputPieces<float> x(args, pieces);
  onednnForward(shape, x.list, room.packed, bias, args.out[0].f32(), room.own, args.threads);
}

void convTransposeOnednn(const Args& args, const ConvShape& shape, const float* w, const float* bias, int64_t begin, int64_t count) {
  requireF32(args);
  const Room room(args, shape, Pass::InputGrad, {count});
  onednnPack(shape, Pass::InputGrad, w, begin, count, room.packed, args.threads);
  onednnInputGrad(shape, args.in[0].f32(), room.packed, bias, args.out[0].f32(), begin, count, room.own, args.threads);
}

void convWeightGradOnednn(const Args& args, const ConvShape& shape, int64_t pieces, float* dw, float* dbias) {
  requireF32(args);
  const Room room(args, shape, Pass::WeightGrad, channelsOfPieces(args, pieces));
  const InputPieces<float> x(args, pieces);
  onednnWeightGrad(shape, x.list, args.in.back().f32(), dw, dbias, room.own, args.threads);
}

#else

namespace {
[[noreturn]] void missing() {
  throw Error("ERR_PLAN", "the plan wants oneDNN, which this build lacks; install it and build again, or compile the plan on this machine");
}
}  // namespace

int64_t onednnCallScratch(const ConvShape&, Pass, const std::vector<int64_t>&, int, bool) { return -1; }
void convOnednn(const Args&, const ConvShape&, int64_t, const float*, const float*) { missing(); }
void convTransposeOnednn(const Args&, const ConvShape&, const float*, const float*, int64_t, int64_t) { missing(); }
void convWeightGradOnednn(const Args&, const ConvShape&, int64_t, float*, float*) { missing(); }

#endif

}  // namespace revoxel::ops
