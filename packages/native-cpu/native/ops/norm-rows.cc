#include "norm-rows.h"

#include <cmath>
#include <utility>

#include "../core/grid.h"
#include "../core/lanes.h"
#include "../core/parallel.h"
#include "../core/simd.h"

namespace revoxel::ops {

namespace {

/** Elements of a block, over which statistics are summed in fp32. */
constexpr int64_t BLOCK = 8192;
/** Elements of a piece of one: its widened tensors stay in the first-level cache. */
constexpr int64_t PIECE = 2048;

// ---- Leaves: n elements from the start of a period of p lanes ------------------------------------------------------

REVOXEL_CLONES void sumLeaf(const float* x, int64_t n, int64_t p, float* lanes) {
  for (int64_t i = 0; i < n; i += p) {
    const int64_t m = n - i < p ? n - i : p;
#pragma omp simd
    for (int64_t j = 0; j < m; j++) lanes[j] += x[i + j];
  }
}

REVOXEL_CLONES void squaresLeaf(const float* x, int64_t n, int64_t p, const float* mean, float* lanes) {
  for (int64_t i = 0; i < n; i += p) {
    const int64_t m = n - i < p ? n - i : p;
#pragma omp simd
    for (int64_t j = 0; j < m; j++) {
      const float d = x[i + j] - mean[j];
      lanes[j] += d * d;
    }
  }
}

REVOXEL_CLONES void applyLeaf(const float* x, float* y, int64_t n, int64_t p, const float* mean, const float* a, const float* b, float slope) {
  for (int64_t i = 0; i < n; i += p) {
    const int64_t m = n - i < p ? n - i : p;
#pragma omp simd
    for (int64_t j = 0; j < m; j++) {
      const float z = (x[i + j] - mean[j]) * a[j] + b[j];
      y[i + j] = z > 0.0f ? z : slope * z;
    }
  }
}

/** s1 += dz, s2 += dz * (x - mean) with dz = dy times the slope of the activation at z. */
REVOXEL_CLONES void gradSumsLeaf(const float* x, const float* dy, int64_t n, int64_t p, const float* mean, const float* a, const float* b, float slope, float* s1, float* s2) {
  for (int64_t i = 0; i < n; i += p) {
    const int64_t m = n - i < p ? n - i : p;
#pragma omp simd
    for (int64_t j = 0; j < m; j++) {
      const float d = x[i + j] - mean[j];
      const float dz = d * a[j] + b[j] > 0.0f ? dy[i + j] : slope * dy[i + j];
      s1[j] += dz;
      s2[j] += dz * d;
    }
  }
}

/** dx = a dz - k1 - (x - mean) k2. */
REVOXEL_CLONES void gradApplyLeaf(const float* x, const float* dy, float* dx, int64_t n, int64_t p, const float* mean, const float* a, const float* b, float slope, const float* k1, const float* k2) {
  for (int64_t i = 0; i < n; i += p) {
    const int64_t m = n - i < p ? n - i : p;
#pragma omp simd
    for (int64_t j = 0; j < m; j++) {
      const float d = x[i + j] - mean[j];
      const float dz = d * a[j] + b[j] > 0.0f ? dy[i + j] : slope * dy[i + j];
      dx[i + j] = a[j] * dz - k1[j] - d * k2[j];
    }
  }
}

// --------------------------------------------------------------------------------------------------------------------

/** Adds p lanes up to the c channels they stand for. */
void foldInto(double* sums, const float* lanes, int64_t c, int64_t p) {
  for (int64_t j = 0; j < p; j += c) {
    for (int64_t i = 0; i < c; i++) sums[i] += static_cast<double>(lanes[j + i]);
  }
}

/** Everything the two passes keep beside the tensors; carved out of the call's scratch. */
struct Workspace {
  int64_t c, p, parts;
  // Shared, doubles per channel.
  double *first, *second, *totalFirst, *totalSecond;
  // Shared, float lanes.
  float *mean, *a, *b, *k1, *k2;

  Workspace(const Args& args, int64_t channels, int64_t elements, bool narrow) : c(channels), p(periodOf(channels)), narrow_(narrow) {
    parts = elements < 2 * GRAIN ? 1 : args.threads;
    char* at = args.scratchOf<char>(normScratchBytes(channels, narrow, args.threads));
    const int64_t c16 = ceil16(c), p16 = ceil16(p);
    const auto doubles = [&] { return reinterpret_cast<double*>(std::exchange(at, at + 8 * c16)); };
    const auto lanes = [&] { return reinterpret_cast<float*>(std::exchange(at, at + 4 * p16)); };
    first = doubles(), second = doubles(), totalFirst = doubles(), totalSecond = doubles();
    mean = lanes(), a = lanes(), b = lanes(), k1 = lanes(), k2 = lanes();
    own_ = at;
  }

  static int64_t sharedBytes(int64_t c16, int64_t p16) { return 4 * 8 * c16 + 5 * 4 * p16; }
  static int64_t partBytes(int64_t c16, int64_t p16, bool narrow) { return 2 * 8 * c16 + 2 * 4 * p16 + (narrow ? 3 * 4 * (BLOCK > p16 ? BLOCK : p16) : 0); }

  /** Memory of one part. */
  struct Own {
    double *first, *second;
    float *lanes1, *lanes2;
    float* wide[3];
  };
  Own own(int64_t part) const {
    const int64_t c16 = ceil16(c), p16 = ceil16(p);
    char* at = own_ + part * partBytes(c16, p16, narrow_);
    Own own{};
    own.first = reinterpret_cast<double*>(at);
    own.second = own.first + c16;
    own.lanes1 = reinterpret_cast<float*>(own.second + c16);
    own.lanes2 = own.lanes1 + p16;
    if (narrow_) for (int64_t i = 0; i < 3; i++) own.wide[i] = own.lanes2 + p16 + i * (BLOCK > p16 ? BLOCK : p16);
    return own;
  }

 private:
  bool narrow_;
  char* own_;
};

/** body(own, begin, n) over blocks of whole periods (the last one of whole rows) of part `part`. */
template <class Body>
void eachBlock(const Workspace& w, int64_t part, int64_t elements, const Body& body) {
  const Share share = shareOf(elements, part, w.parts, w.p);
  const int64_t step = BLOCK / w.p > 0 ? BLOCK / w.p * w.p : w.p;
  for (int64_t i = share.begin; i < share.end; i += step) body(i, share.end - i < step ? share.end - i : step);
}

/** body(begin, n) over pieces of whole periods of n elements from `begin` on. */
template <class Body>
void eachPiece(const Workspace& w, int64_t begin, int64_t n, const Body& body) {
  const int64_t step = PIECE / w.p > 0 ? PIECE / w.p * w.p : w.p;
  for (int64_t i = 0; i < n; i += step) body(begin + i, n - i < step ? n - i : step);
}

/** Mean and sum of squared distances of every channel over `elements` from `begin`, into w.first and w.second. */
void statistics(const Args& args, const Workspace& w, const Tensor& x, float step, int64_t begin, int64_t elements) {
  const int64_t c = w.c;
  parallelParts(args.threads, w.parts, [&](int64_t part) {
    const auto own = w.own(part);
    for (int64_t i = 0; i < c; i++) own.first[i] = own.second[i] = 0;
    double done = 0;
    eachBlock(w, part, elements, [&](int64_t i, int64_t n) {
      const float* const xs = loadChunk(x, begin + i, n, own.wide[0], step);
      const int64_t lanes = n < w.p ? n : w.p;
      for (int64_t j = 0; j < lanes; j++) own.lanes1[j] = own.lanes2[j] = 0;
      sumLeaf(xs, n, w.p, own.lanes1);
      const double rows = static_cast<double>(n / c);
      for (int64_t k = 0; k < c; k++) {
        double sum = 0;
        for (int64_t j = k; j < lanes; j += c) sum += static_cast<double>(own.lanes1[j]);
        own.lanes1[k] = static_cast<float>(sum / rows);
      }
      repeat(own.lanes1, c, lanes);
      squaresLeaf(xs, n, w.p, own.lanes1, own.lanes2);
      // Merge (rows, block mean, block squares) into (done, mean, squares).
      const double share = rows / (done + rows);
      for (int64_t k = 0; k < c; k++) {
        double squares = 0;
        for (int64_t j = k; j < lanes; j += c) squares += static_cast<double>(own.lanes2[j]);
        const double delta = static_cast<double>(own.lanes1[k]) - own.first[k];
        own.first[k] += delta * share;
        own.second[k] += squares + delta * delta * done * share;
      }
      done += rows;
    });
  });
  double done = 0;
  for (int64_t part = 0; part < w.parts; part++) {
    const Share share = shareOf(elements, part, w.parts, w.p);
    const double rows = static_cast<double>((share.end - share.begin) / c);
    if (rows == 0) continue;
    const auto own = w.own(part);
    const double weight = rows / (done + rows);
    for (int64_t k = 0; k < c; k++) {
      const double mean = done == 0 ? 0 : w.first[k], squares = done == 0 ? 0 : w.second[k];
      const double delta = own.first[k] - mean;
      w.first[k] = mean + delta * weight;
      w.second[k] = squares + own.second[k] + delta * delta * done * weight;
    }
    done += rows;
  }
}

/** Sizes that the mode gives: how many statistics sets, channels per statistic, elements per set. */
struct Sets {
  int64_t count, perGroup, groups, elements;
  Sets(const NormSpec& spec, const Tensor& x)
      : count(spec.batch ? 1 : x.samples()), perGroup(spec.batch ? 1 : x.channels() / spec.groups), groups(x.channels() / perGroup), elements(x.count / count) {}
};

bool isNarrow(const Tensor& t) { return t.dtype != DType::f32; }

/** The sizes of a forward norm, whose first operands are x, gamma, beta and whose first result is y. */
Sets checked(const Args& args, const NormSpec& spec, const Tensor& mean, const Tensor& rstd) {
  const Tensor& x = args.in[0];
  const int64_t c = x.channels();
  args.require(x.rank() >= 2 && x.count == args.out[0].count && args.in[1].count == c && args.in[2].count == c, "operands and results differ in size");
  args.require(spec.batch || (spec.groups > 0 && c % spec.groups == 0), "groups must divide the channels");
  const Sets sets(spec, x);
  args.require(mean.count == sets.count * sets.groups && rstd.count == mean.count, "statistics have the wrong size");
  return sets;
}

/**
 * y of one set from its rounded statistics. All forward norms end here, so that the backward pass sees the same
 * normalised values and normApply gives the same bits.
 */
void apply(const Args& args, const NormSpec& spec, const Workspace& w, const Sets& sets, int64_t set, const Tensor& mean, const Tensor& rstd, float step) {
  const Tensor &x = args.in[0], &y = args.out[0];
  const float *const gamma = args.in[1].f32(), *const beta = args.in[2].f32();
  const int64_t begin = set * sets.elements;
  for (int64_t k = 0; k < w.c; k++) {
    const int64_t group = set * sets.groups + k / sets.perGroup;
    w.mean[k] = mean.f32()[group];
    w.a[k] = gamma[k] * rstd.f32()[group];
    w.b[k] = beta[k];
  }
  for (float* const lanes : {w.mean, w.a, w.b}) repeat(lanes, w.c, w.p);
  parallelParts(args.threads, w.parts, [&](int64_t part) {
    const auto own = w.own(part);
    const Share share = shareOf(sets.elements, part, w.parts, w.p);
    eachPiece(w, begin + share.begin, share.end - share.begin, [&](int64_t i, int64_t n) {
      float* const target = targetChunk(y, i, own.wide[1]);
      applyLeaf(loadChunk(x, i, n, own.wide[0], step), target, n, w.p, w.mean, w.a, w.b, spec.slope);
      storeChunk(y, i, n, target);
    });
  });
}

}  // namespace

int64_t normScratchBytes(int64_t channels, bool narrow, int threads) {
  const int64_t c16 = ceil16(channels), p16 = ceil16(periodOf(channels));
  return Workspace::sharedBytes(c16, p16) + threads * Workspace::partBytes(c16, p16, narrow);
}

void normForward(const Args& args, const NormSpec& spec) {
  const bool fixed = !args.in.empty() && isFixed(args.in[0].dtype);
  args.requireOperands(fixed ? 4 : 3, 3);
  const Tensor &x = args.in[0], &mean = args.out[1], &rstd = args.out[2];
  const int64_t c = x.channels();
  const Sets sets = checked(args, spec, mean, rstd);
  const float step = fixed ? gridStep(args.in[3]) : 1.0f;
  const Workspace w(args, c, sets.elements, isNarrow(x) || isNarrow(args.out[0]));
  const double rows = static_cast<double>(sets.elements / c), members = rows * static_cast<double>(sets.perGroup);
  for (int64_t set = 0; set < sets.count; set++) {
    statistics(args, w, x, step, set * sets.elements, sets.elements);
    for (int64_t group = 0; group < sets.groups; group++) {
      const int64_t from = group * sets.perGroup, to = from + sets.perGroup;
      double average = 0, squares = 0;
      for (int64_t k = from; k < to; k++) average += w.first[k];
      average /= static_cast<double>(sets.perGroup);
      for (int64_t k = from; k < to; k++) squares += w.second[k] + rows * (w.first[k] - average) * (w.first[k] - average);
      mean.f32()[set * sets.groups + group] = static_cast<float>(average);
      rstd.f32()[set * sets.groups + group] = static_cast<float>(1.0 / std::sqrt(squares / members + static_cast<double>(spec.eps)));
    }
    apply(args, spec, w, sets, set, mean, rstd, step);
  }
}

void normFromStatistics(const Args& args, const NormSpec& spec) {
  const bool fixed = !args.in.empty() && isFixed(args.in[0].dtype);
  args.requireOperands(fixed ? 6 : 5, 1);
  const Sets sets = checked(args, spec, args.in[3], args.in[4]);
  const float step = fixed ? gridStep(args.in[5]) : 1.0f;
  const Workspace w(args, args.in[0].channels(), sets.elements, isNarrow(args.in[0]) || isNarrow(args.out[0]));
  for (int64_t set = 0; set < sets.count; set++) apply(args, spec, w, sets, set, args.in[3], args.in[4], step);
}

void normBackward(const Args& args, const NormSpec& spec, const NormGradOperands& operands) {
  const Tensor &x = operands.x, &gamma = operands.gamma, &mean = operands.mean, &rstd = operands.rstd, &dy = operands.dy;
  const Tensor *const beta = operands.beta, *const exponent = operands.exponent;
  const Tensor& dx = args.out[0];
  const float step = exponent ? gridStep(*exponent) : 1.0f;
  float *const dgamma = args.out[1].f32(), *const dbeta = args.out[2].f32();
  const int64_t c = x.channels();
  args.require(x.rank() >= 2 && x.count == dy.count && x.count == dx.count, "operands and result differ in size");
  args.require(gamma.count == c && args.out[1].count == c && args.out[2].count == c && (!beta || beta->count == c), "gamma or beta has the wrong size");
  args.require(spec.batch || (spec.groups > 0 && c % spec.groups == 0), "groups must divide the channels");
  const Sets sets(spec, x);
  args.require(mean.count == sets.count * sets.groups && rstd.count == mean.count, "statistics have the wrong size");
  args.require(isFixed(x.dtype) == (exponent != nullptr), "expects an exponent if, and only if, x is fixed-point");
  const Workspace w(args, c, sets.elements, isNarrow(x) || isNarrow(dy) || isNarrow(dx));
  const double members = static_cast<double>(sets.elements / c * sets.perGroup);
  for (int64_t k = 0; k < c; k++) w.totalFirst[k] = w.totalSecond[k] = 0;

  for (int64_t set = 0; set < sets.count; set++) {
    const int64_t begin = set * sets.elements;
    const float *const means = mean.f32() + set * sets.groups, *const rstds = rstd.f32() + set * sets.groups;
    for (int64_t k = 0; k < c; k++) {
      w.mean[k] = means[k / sets.perGroup];
      w.a[k] = gamma.f32()[k] * rstds[k / sets.perGroup];
      // Without an activation the slope is 1 and the sign of z does not matter.
      w.b[k] = beta ? beta->f32()[k] : 0.0f;
    }
    for (float* const lanes : {w.mean, w.a, w.b}) repeat(lanes, c, w.p);

    parallelParts(args.threads, w.parts, [&](int64_t part) {
      const auto own = w.own(part);
      for (int64_t k = 0; k < c; k++) own.first[k] = own.second[k] = 0;
      eachBlock(w, part, sets.elements, [&](int64_t i, int64_t n) {
        const int64_t lanes = n < w.p ? n : w.p;
        for (int64_t j = 0; j < lanes; j++) own.lanes1[j] = own.lanes2[j] = 0;
        eachPiece(w, begin + i, n, [&](int64_t j, int64_t m) { gradSumsLeaf(loadChunk(x, j, m, own.wide[0], step), loadChunk(dy, j, m, own.wide[1]), m, w.p, w.mean, w.a, w.b, spec.slope, own.lanes1, own.lanes2); });
        foldInto(own.first, own.lanes1, c, lanes);
        foldInto(own.second, own.lanes2, c, lanes);
      });
    });
    for (int64_t k = 0; k < c; k++) w.first[k] = w.second[k] = 0;
    for (int64_t part = 0; part < w.parts; part++) {
      const auto own = w.own(part);
      for (int64_t k = 0; k < c; k++) {
        w.first[k] += own.first[k];
        w.second[k] += own.second[k] * static_cast<double>(rstds[k / sets.perGroup]);
      }
    }

    for (int64_t group = 0; group < sets.groups; group++) {
      const double scale = static_cast<double>(rstds[group]);
      double g = 0, gx = 0;
      for (int64_t k = group * sets.perGroup; k < (group + 1) * sets.perGroup; k++) {
        g += static_cast<double>(gamma.f32()[k]) * w.first[k];
        gx += static_cast<double>(gamma.f32()[k]) * w.second[k];
      }
      for (int64_t k = group * sets.perGroup; k < (group + 1) * sets.perGroup; k++) {
        w.k1[k] = static_cast<float>(scale * g / members);
        w.k2[k] = static_cast<float>(scale * scale * gx / members);
      }
    }
    for (int64_t k = 0; k < c; k++) {
      w.totalFirst[k] += w.first[k];
      w.totalSecond[k] += w.second[k];
    }
    for (float* const lanes : {w.k1, w.k2}) repeat(lanes, c, w.p);

    parallelParts(args.threads, w.parts, [&](int64_t part) {
      const auto own = w.own(part);
      const Share share = shareOf(sets.elements, part, w.parts, w.p);
      eachPiece(w, begin + share.begin, share.end - share.begin, [&](int64_t i, int64_t n) {
        float* const target = targetChunk(dx, i, own.wide[2]);
        gradApplyLeaf(loadChunk(x, i, n, own.wide[0], step), loadChunk(dy, i, n, own.wide[1]), target, n, w.p, w.mean, w.a, w.b, spec.slope, w.k1, w.k2);
        storeChunk(dx, i, n, target);
      });
    });
  }
  for (int64_t k = 0; k < c; k++) {
    dgamma[k] = static_cast<float>(w.totalSecond[k]);
    dbeta[k] = static_cast<float>(w.totalFirst[k]);
  }
}

}  // namespace revoxel::ops
