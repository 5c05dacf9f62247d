// The convolutions on tensor cores that fetch every tap from memory, forward and transposed (kernels/conv-tensor-gather.cuh),
// and the choice between them and the kernels that keep a brick of the input.
#include <numeric>

#include "conv-tensor-gather.cuh"

namespace revoxel {

namespace {

GatherAxis forwardAxis(int input, int result, int kernel, int stride, int pad, int dilation) {
  GatherAxis axis{input, result, 1, stride, 1, dilation, {}};
  axis.of[0] = {0, FastDiv::of(result), kernel, 0, -pad};
  return axis;
}

GatherAxis transposedAxis(const Args& args, int input, int result, int kernel, int stride, int pad, int dilation) {
  args.require(stride <= GATHER_CLASSES, "a stride is too large for this kernel");
  const int tapStep = stride / std::gcd(stride, dilation);
  GatherAxis axis{input, result, stride, 1, tapStep, -(tapStep * dilation / stride), {}};
  for (int r = 0; r < stride; r++) {
    GatherClass& of = axis.of[r];
    of.first = r;
    const int count = r < result ? (result - r + stride - 1) / stride : 0;
    of.count = FastDiv::of(std::max(count, 1));
    of.count.by = count;
    int tap = 0;
    while (tap < kernel && (r + pad - tap * dilation) % stride != 0) tap++;
    of.taps = tap < kernel ? (kernel - tap + tapStep - 1) / tapStep : 0;
    of.tapFirst = tap;
    of.base = of.taps > 0 ? (r + pad - tap * dilation) / stride : 0;
  }
  return axis;
}

/** Most of a class along an axis. */
int mostTaps(const GatherAxis& axis) {
  int most = 0;
  for (int r = 0; r < axis.resultStep; r++) most = std::max(most, axis.of[r].taps);
  return most;
}

/** Sum of the parts in their order, bias, rounding. */
template <class E>
struct JoinSplits {
  const float *partial, *bias;
  E* y;
  int64_t results;
  int splits, channels;

  __device__ void operator()(int64_t i) const {
    float sum = partial[i];
    for (int k = 1; k < splits; k++) sum += partial[k * results + i];
    y[i] = fromFloat<E>(sum + (bias ? bias[i % channels] : 0.0f));
  }
};

template <class E, int TILE_N, Feed FEED>
void launchGather(const Args& args, const GatherShape& s, int blocksM, int splits, const bf16* w, const float* bias, bf16* y, float* partial) {
  const dim3 grid(static_cast<unsigned>(static_cast<int64_t>(s.tilesN) * s.classes * blocksM), static_cast<unsigned>(splits));
  launch(args, convGatherKernel<E, TILE_N, FEED>, grid, TILE_THREADS, sizeof(GatherShared<TILE_N>), s, w, bias, y, partial);
}

template <class E>
void gather(const Args& args, GatherShape s, const bf16* w, const float* bias, bf16* y) {
  s.classes = s.d.resultStep * s.h.resultStep * s.w.resultStep;
  s.pitch = FastDiv::of(s.row.pitch);
  args.require(args.call->variant == CONV_GATHER, "unknown variant");
  args.require(!s.row.flat() || s.classes == 1, "few channels and a stride");
  // The first class is the largest.
  const int64_t rows = static_cast<int64_t>(s.samples) * s.d.of[0].count.by * s.h.of[0].count.by * s.w.of[0].count.by;
  const int64_t blocksM = ceilDiv(rows, GATHER_M);
  const int64_t steps = ceilDiv(static_cast<int64_t>(mostTaps(s.d)) * mostTaps(s.h) * mostTaps(s.w) * s.row.pitch, TILE_K);
  const int64_t results = static_cast<int64_t>(s.samples) * s.d.result * s.h.result * s.w.result * s.results;
  int tileN = s.results <= 32 ? 32 : 64;
  const int64_t blocks = blocksM * s.classes * ceilDiv(s.results, tileN);
  args.require(blocks < 0x7fffffff, "needs too many blocks");
  const int splits = convSplits(args.device->multiprocessors, blocks, steps, results);
  float* partial = splits > 1 ? args.scratchOf<float>(splits * results) : nullptr;
  const Feed feed = feedOf(s.x, s.row);
  // Wide tiles read less, where enough of them remain and the device has the shared memory.
  const bool wide = static_cast<int64_t>(sizeof(GatherShared<128>)) <= args.device->sharedPerBlock;
  if (wide && feed == Feed::aligned && s.results % 128 == 0 && blocks >= 4 * args.device->multiprocessors) tileN = 128;
  s.tilesN = static_cast<int>(ceilDiv(s.results, tileN));
  const int m = static_cast<int>(blocksM);
  if (tileN == 128) launchGather<E, 128, Feed::aligned>(args, s, m, splits, w, bias, y, partial);
  else if (tileN == 64 && feed == Feed::aligned) launchGather<E, 64, Feed::aligned>(args, s, m, splits, w, bias, y, partial);
  else if (tileN == 64 && feed == Feed::masked) launchGather<E, 64, Feed::masked>(args, s, m, splits, w, bias, y, partial);
  else if (tileN == 64) launchGather<E, 64, Feed::flat>(args, s, m, splits, w, bias, y, partial);
  else if (feed == Feed::aligned) launchGather<E, 32, Feed::aligned>(args, s, m, splits, w, bias, y, partial);
  else if (feed == Feed::masked) launchGather<E, 32, Feed::masked>(args, s, m, splits, w, bias, y, partial);
  else launchGather<E, 32, Feed::flat>(args, s, m, splits, w, bias, y, partial);
  if (splits > 1) forEach(args, results, JoinSplits<E>{partial, bias, reinterpret_cast<E*>(y), results, splits, s.results});
}

}  // namespace

void convTensor(const Args& args, const ConvShape& shape, const ConvPieces& x, const void* w, const float* bias, void* y, DType dtype) {
  args.require(args.call->variant != CONV_BRICK || dtype == DType::bf16, "bricks are for bf16");
  if (args.call->variant == CONV_BRICK) return convBrick(args, shape, x, w, bias, shape.co, false, y);
  GatherShape s{};
  s.x = x;
  s.samples = shape.n;
  s.channels = shape.ci;
  s.results = shape.co;
  s.d = forwardAxis(shape.id, shape.od, shape.kd, shape.sd, shape.pd, shape.dd);
  s.h = forwardAxis(shape.ih, shape.oh, shape.kh, shape.sh, shape.ph, shape.dh);
  s.w = forwardAxis(shape.iw, shape.ow, shape.kw, shape.sw, shape.pw, shape.dw);
  s.kh = FastDiv::of(shape.kh);
  s.kw = FastDiv::of(shape.kw);
  s.row = PackedRow::of(shape.ci, shape.taps());
  withNarrow(dtype, [&](auto type) { gather<decltype(type)>(args, s, static_cast<const bf16*>(w), bias, static_cast<bf16*>(y)); });
}

void convTransposeTensor(const Args& args, const ConvShape& shape, const ConvPieces& y, const void* w, const float* bias, int channelCount, void* x, DType dtype) {
  args.require(args.call->variant != CONV_BRICK || dtype == DType::bf16, "bricks are for bf16");
  if (args.call->variant == CONV_BRICK) return convBrick(args, shape, y, w, bias, channelCount, true, x);
  GatherShape s{};
  s.x = y;
  s.samples = shape.n;
  s.channels = shape.co;
  s.results = channelCount;
  s.d = transposedAxis(args, shape.od, shape.id, shape.kd, shape.sd, shape.pd, shape.dd);
  s.h = transposedAxis(args, shape.oh, shape.ih, shape.kh, shape.sh, shape.ph, shape.dh);
  s.w = transposedAxis(args, shape.ow, shape.iw, shape.kw, shape.sw, shape.pw, shape.dw);
  s.kh = FastDiv::of(shape.kh);
  s.kw = FastDiv::of(shape.kw);
  s.row = PackedRow::of(shape.co, shape.taps());
  withNarrow(dtype, [&](auto type) { gather<decltype(type)>(args, s, static_cast<const bf16*>(w), bias, static_cast<bf16*>(x)); });
}

}  // namespace revoxel
