// oneDNN v2 calls; see onednn.h for what is used and what is avoided.
#if defined(REVOXEL_HAVE_ONEDNN)

#include "onednn.h"

#include <omp.h>

#include <algorithm>
#include <array>
#include <dnnl.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <unordered_map>

#if DNNL_VERSION_MAJOR != 2 || DNNL_VERSION_MINOR < 6
#error "onednn.cc needs oneDNN 2.6 or a later 2.x"
#endif

namespace revoxel {
namespace {

using dnnl::memory;
using DataType = memory::data_type;
using Tag = memory::format_tag;

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& stream() {
  static thread_local dnnl::stream instance(cpu());
  return instance;
}

/** Sets OpenMP's thread count for the calling thread, which is what oneDNN obeys, and puts it back. */
class ThreadScope {
 public:
  explicit ThreadScope(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  ~ThreadScope() { omp_set_num_threads(before_); }
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

int64_t floatsOf(const memory::desc& desc) { return (static_cast<int64_t>(desc.get_size()) + 63) / 64 * 16; }

/** One prepared call: a pass over one piece (slice) of input channels. */
struct Prepared {
  bool supported = false;
  dnnl::primitive primitive;
  memory::desc src, weights, dst, bias, scratch;
};

/** Everything a prepared call depends on. */
struct Request {
  const ConvShape& shape;
  Pass pass;
  int64_t channels;
  int threads;
  bool bias;        // forward: bias added; weight gradient: bias gradient produced
  bool accumulate;  // forward: added to what dst holds
};

bool flat(const ConvShape& s) { return s.id == 1 && s.od == 1 && s.kd == 1; }

memory::dims pick(bool two, int64_t d, int64_t h, int64_t w) {
  return two ? memory::dims{h, w} : memory::dims{d, h, w};
}

memory::dims join(int64_t a, int64_t b, const memory::dims& rest) {
  memory::dims out{a, b};
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

/** Trailing padding that gives the output size; a negative one only means unread input at the end. */
int64_t trailing(int64_t in, int64_t out, int64_t k, int64_t stride, int64_t pad, int64_t dilation) {
  const int64_t value = (out - 1) * stride + (k - 1) * dilation + 1 - in - pad;
  return value > 0 ? value : 0;
}

/** `packed`: the weight layout to use, or nullptr to let oneDNN choose. */
void prepare(const Request& r, const memory::desc* packed, Prepared& p) {
  const ConvShape& s = r.shape;
  const bool two = flat(s);
  const Tag plain = two ? Tag::nhwc : Tag::ndhwc;
  p.src = memory::desc(join(s.n, r.channels, pick(two, s.id, s.ih, s.iw)), DataType::f32, plain);
  p.dst = memory::desc(join(s.n, s.co, pick(two, s.od, s.oh, s.ow)), DataType::f32, plain);
  p.bias = memory::desc({s.co}, DataType::f32, Tag::x);
  const memory::desc any(join(s.co, r.channels, pick(two, s.kd, s.kh, s.kw)), DataType::f32, Tag::any);
  const memory::desc& weights = packed ? *packed : any;
  const memory::dims strides = pick(two, s.sd, s.sh, s.sw), dilations = pick(two, s.dd - 1, s.dh - 1, s.dw - 1);
  const memory::dims left = pick(two, s.pd, s.ph, s.pw);
  const memory::dims right = pick(two, trailing(s.id, s.od, s.kd, s.sd, s.pd, s.dd),
                                  trailing(s.ih, s.oh, s.kh, s.sh, s.ph, s.dh),
                                  trailing(s.iw, s.ow, s.kw, s.sw, s.pw, s.dw));
  const auto direct = dnnl::algorithm::convolution_direct;
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (r.accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
  const auto training = dnnl::prop_kind::forward_training;
  const dnnl::convolution_forward::desc forward =
      r.bias ? dnnl::convolution_forward::desc(training, direct, p.src, weights, p.bias, p.dst, strides, dilations, left, right)
             : dnnl::convolution_forward::desc(training, direct, p.src, weights, p.dst, strides, dilations, left, right);
  const auto accept = [&](const auto& description, auto* primitive) {
    p.supported = std::string(description.impl_info_str()).find("ref") == std::string::npos;
    p.scratch = description.scratchpad_desc();
    if (p.supported) p.primitive = typename std::remove_pointer<decltype(primitive)>::type(description);
  };
  if (r.pass == Pass::Forward) {
    const dnnl::convolution_forward::primitive_desc description(forward, attributes, cpu());
    p.weights = description.weights_desc();
    accept(description, static_cast<dnnl::convolution_forward*>(nullptr));
    return;
  }
  const dnnl::convolution_forward::primitive_desc hint(forward, dnnl::primitive_attr(), cpu());
  if (r.pass == Pass::InputGrad) {
    const dnnl::convolution_backward_data::primitive_desc description(
        {direct, p.src, weights, p.dst, strides, dilations, left, right}, attributes, cpu(), hint);
    p.weights = description.weights_desc();
    accept(description, static_cast<dnnl::convolution_backward_data*>(nullptr));
    return;
  }
  using Backward = dnnl::convolution_backward_weights;
  const Backward::desc backward =
      r.bias ? Backward::desc(direct, p.src, weights, p.bias, p.dst, strides, dilations, left, right)
             : Backward::desc(direct, p.src, weights, p.dst, strides, dilations, left, right);
  const Backward::primitive_desc description(backward, attributes, cpu(), hint);
  p.weights = description.diff_weights_desc();
  accept(description, static_cast<Backward*>(nullptr));
}

using Key = std::array<int64_t, 25>;

Key keyOf(const Request& r) {
  const ConvShape& s = r.shape;
  return {s.n,  r.channels, s.id, s.ih, s.iw, s.co, s.od, s.oh, s.ow, s.kd, s.kh, s.kw, s.sd, s.sh, s.sw, s.pd,
          s.ph, s.pw,       s.dd, s.dh, s.dw, static_cast<int64_t>(r.pass), r.threads, r.bias, r.accumulate};
}

const Prepared& prepared(const Request& r) {
  // Forward calls with and without bias or accumulation share one packing: that of the plain call with bias.
  const memory::desc* packed = nullptr;
  if (r.pass == Pass::Forward && (!r.bias || r.accumulate)) {
    const Prepared& plain = prepared({r.shape, r.pass, r.channels, r.threads, true, false});
    if (!plain.supported) return plain;
    packed = &plain.weights;
  }
  static std::mutex guard;
  static std::map<Key, std::unique_ptr<Prepared>> cache;  // entries never move or go: references stay valid
  const std::lock_guard<std::mutex> lock(guard);
  std::unique_ptr<Prepared>& slot = cache[keyOf(r)];
  if (!slot) {
    auto fresh = std::make_unique<Prepared>();
    if (r.shape.groups == 1 && convCheck(r.shape) == nullptr) {
      const ThreadScope scope(r.threads);
      try {
        prepare(r, packed, *fresh);
      } catch (const dnnl::error&) {
        fresh->supported = false;  // oneDNN has nothing for this shape; the caller uses its own kernels
      }
    }
    slot = std::move(fresh);
  }
  return *slot;
}

/** A slice of the plain weights [co][kd][kh][kw][ci], seen as oneDNN's [co][channels][spatial]. */
memory::desc plainSlice(const ConvShape& s, int64_t channels) {
  const bool two = flat(s);
  return memory::desc(join(s.co, channels, pick(two, s.kd, s.kh, s.kw)), DataType::f32,
                      join(s.kd * s.kh * s.kw * s.ci, 1, pick(two, s.kh * s.kw * s.ci, s.kw * s.ci, s.ci)));
}

memory at(const memory::desc& desc, const void* data) { return memory(desc, cpu(), const_cast<void*>(data)); }

void run(const Prepared& p, std::unordered_map<int, memory> arguments, void* scratch) {
  arguments.insert({DNNL_ARG_SCRATCHPAD, at(p.scratch, scratch)});
  p.primitive.execute(stream(), arguments);
  stream().wait();
}

void reorder(const memory::desc& from, const void* source, const memory::desc& to, void* target) {
  memory a = at(from, source), b = at(to, target);
  dnnl::reorder(a, b).execute(stream(), a, b);
  stream().wait();
}

}  // namespace

bool onednnSupports(const ConvShape& shape, Pass pass, const int64_t* channels, int64_t count, int threads) {
  for (int64_t i = 0; i < count; ++i) {
    // Forward pieces after the first run with a sum post-op, and bias is given to the first alone.
    for (const bool first : {true, false}) {
      if (!first && (pass == Pass::InputGrad || (pass == Pass::Forward && i == 0))) continue;
      const bool bias = first && pass != Pass::InputGrad;
      if (!prepared({shape, pass, channels[i], threads, bias, pass == Pass::Forward && i > 0}).supported) return false;
    }
  }
  return count > 0;
}

bool onednnSupports(const ConvShape& shape, Pass pass, int threads) {
  return onednnSupports(shape, pass, &shape.ci, 1, threads);
}

int64_t onednnScratch(const ConvShape& shape, Pass pass, const int64_t* channels, int64_t count, int threads) {
  int64_t most = 0;
  for (int64_t i = 0; i < count; ++i) {
    for (const bool bias : {true, false}) {
      const Prepared& p = prepared({shape, pass, channels[i], threads, bias && pass != Pass::InputGrad,
                                    pass == Pass::Forward && i > 0});
      if (!p.supported) continue;
      const int64_t result = pass == Pass::WeightGrad ? floatsOf(p.weights) : 0;  // reordered into dw afterwards
      most = std::max(most, floatsOf(p.scratch) + result);
    }
  }
  return most;
}

int64_t onednnPackedSize(const ConvShape& shape, Pass pass, int64_t channels, int threads) {
  return floatsOf(prepared({shape, pass, channels, threads, pass == Pass::Forward, false}).weights);
}

void onednnPack(const ConvShape& shape, Pass pass, const float* w, int64_t ciBegin, int64_t ciCount, float* out,
                int threads) {
  const ThreadScope scope(threads);
  const Prepared& p = prepared({shape, pass, ciCount, threads, pass == Pass::Forward, false});
  reorder(plainSlice(shape, ciCount), w + ciBegin, p.weights, out);
}

void onednnForward(const ConvShape& shape, const Pieces& x, const float* packed, const float* bias, float* y,
                   void* scratch, int threads) {
  const ThreadScope scope(threads);
  for (int64_t i = 0; i < x.count; ++i) {
    const Prepared& p = prepared({shape, Pass::Forward, x.items[i].channels, threads, i == 0 && bias, i > 0});
    std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, at(p.src, x.items[i].data)},
                                              {DNNL_ARG_WEIGHTS, at(p.weights, packed)},
                                              {DNNL_ARG_DST, at(p.dst, y)}};
    if (i == 0 && bias) arguments.insert({DNNL_ARG_BIAS, at(p.bias, bias)});
    run(p, std::move(arguments), scratch);
    packed += onednnPackedSize(shape, Pass::Forward, x.items[i].channels, threads);
  }
}

void onednnInputGrad(const ConvShape& shape, const float* dy, const float* packed, const float* bias, float* dx,
                     int64_t ciBegin, int64_t ciCount, void* scratch, int threads) {
  const ThreadScope scope(threads);
  const Prepared& p = prepared({shape, Pass::InputGrad, ciCount, threads, false, false});
  run(p, {{DNNL_ARG_DIFF_SRC, at(p.src, dx)}, {DNNL_ARG_WEIGHTS, at(p.weights, packed)}, {DNNL_ARG_DIFF_DST, at(p.dst, dy)}},
      scratch);
  if (!bias) return;
  const int64_t voxels = shape.n * shape.id * shape.ih * shape.iw;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t v = 0; v < voxels; ++v) {
    for (int64_t c = 0; c < ciCount; ++c) dx[v * ciCount + c] += bias[ciBegin + c];
  }
}

void onednnWeightGrad(const ConvShape& shape, const Pieces& x, const float* dy, float* dw, float* dbias,
                      void* scratch, int threads) {
  const ThreadScope scope(threads);
  int64_t begin = 0;
  for (int64_t i = 0; i < x.count; ++i) {
    const int64_t channels = x.items[i].channels;
    const bool bias = i == 0 && dbias;
    const Prepared& p = prepared({shape, Pass::WeightGrad, channels, threads, bias, false});
    float* result = static_cast<float*>(scratch);
    std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, at(p.src, x.items[i].data)},
                                              {DNNL_ARG_DIFF_DST, at(p.dst, dy)},
                                              {DNNL_ARG_DIFF_WEIGHTS, at(p.weights, result)}};
    if (bias) arguments.insert({DNNL_ARG_DIFF_BIAS, at(p.bias, dbias)});
    run(p, std::move(arguments), result + floatsOf(p.weights));
    reorder(p.weights, result, plainSlice(shape, channels), dw + begin);
    begin += channels;
  }
}

bool onednnFaster(const ConvShape& s, Pass pass) {
  if (s.groups != 1 || pass == Pass::WeightGrad) return false;
  const bool strided = s.sd * s.sh * s.sw > 1, taps = s.kd * s.kh * s.kw > 1;
  if (strided && s.ci <= 32) return true;
  if (pass == Pass::Forward) return taps && (s.ci <= 4 || s.co <= 16 || (s.ow < 8 && s.ci >= 64));
  return taps && s.iw < 8 && s.co >= 64;
}

const char* onednnVersion() {
  static const std::string text = [] {
    const dnnl_version_t* v = dnnl_version();
    return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
  }();
  return text.c_str();
}

}  // namespace revoxel

#endif
