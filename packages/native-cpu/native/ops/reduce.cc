// reduce: sum or mean over axes in float64, fixed order. Usual cases merge to [A kept][R reduced][B kept] in memory
// order and run over contiguous rows; anything else, and integers, take one strided loop per result.
#include "../core/parallel.h"
#include "../core/simd.h"
#include "../core/strided.h"
#include "ops.h"

namespace revoxel::ops {

namespace {

/** Results summed side by side at most; scratch is sized for it (reduceScratch in src/profile.ts). */
constexpr int64_t LANES = 4096;

REVOXEL_CLONES void addRowLeaf(const float* x, double* sums, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) sums[i] += static_cast<double>(x[i]);
}

REVOXEL_CLONES double sumLeaf(const float* x, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += static_cast<double>(x[i]);
  return sum;
}

/** One number of a tensor of any dtype. */
double loadAny(const Tensor& x, int64_t i) {
  switch (x.dtype) {
    case DType::f32: return static_cast<double>(x.as<float>()[i]);
    case DType::bf16: return static_cast<double>(fromBf16(x.as<uint16_t>()[i]));
    case DType::u8: return x.as<uint8_t>()[i];
    case DType::q16: return x.as<int16_t>()[i];
    case DType::u32: return x.as<uint32_t>()[i];
    default: return x.as<int32_t>()[i];
  }
}

void storeAny(const Tensor& y, int64_t i, double value) {
  switch (y.dtype) {
    case DType::f32: y.as<float>()[i] = static_cast<float>(value); break;
    case DType::bf16: y.as<uint16_t>()[i] = toBf16(static_cast<float>(value)); break;
    case DType::u8: y.as<uint8_t>()[i] = toInteger<uint8_t>(value); break;
    case DType::q16: y.as<int16_t>()[i] = toInteger<int16_t>(value); break;
    case DType::u32: y.as<uint32_t>()[i] = toInteger<uint32_t>(value); break;
    default: y.as<int32_t>()[i] = toInteger<int32_t>(value);
  }
}

/** sums[0 .. n) of `rows` rows: n floats each, `stride` apart, from element `at`. */
void sumRows(const Tensor& x, int64_t at, int64_t rows, int64_t stride, int64_t n, double* sums) {
  float buffer[CHUNK];
  for (int64_t i = 0; i < n; i++) sums[i] = 0;
  if (stride == n && n < 16) {
    // Few results: whole rows behind one another are one flat run with period n.
    double lanes[16 * 16] = {};
    const int64_t period = 16 * n, total = rows * n;
    const int64_t step = CHUNK / period * period;
    for (int64_t i = 0; i < total; i += step) {
      const int64_t m = total - i < step ? total - i : step;
      const float* const xs = loadChunk(x, at + i, m, buffer);
      for (int64_t j = 0; j < m; j += period) addRowLeaf(xs + j, lanes, m - j < period ? m - j : period);
    }
    for (int64_t j = 0; j < period; j++) sums[j % n] += lanes[j];
    return;
  }
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t i = 0; i < n; i += CHUNK) {
      const int64_t m = n - i < CHUNK ? n - i : CHUNK;
      addRowLeaf(loadChunk(x, at + row * stride + i, m, buffer), sums + i, m);
    }
  }
}

/** Sum of a contiguous run. */
double sumRun(const Tensor& x, int64_t at, int64_t count) {
  float buffer[CHUNK];
  double sum = 0;
  for (int64_t i = 0; i < count; i += CHUNK) {
    const int64_t m = count - i < CHUNK ? count - i : CHUNK;
    sum += sumLeaf(loadChunk(x, at + i, m, buffer), m);
  }
  return sum;
}

struct Form {
  int64_t a = 1, r = 1, b = 1;
  int64_t aStride = 0, bStride = 0;
};

/** Whether the merged box reads [A kept][R reduced][B kept]. */
bool formOf(const Box<2>& box, Form& form) {
  int state = 0;
  for (int axis = 0; axis < box.rank; axis++) {
    const size_t i = static_cast<size_t>(axis);
    const bool reduced = box.stride[1][i] == 0;
    if (reduced && state <= 0) {
      form.r = box.size[i];
      state = 1;
    } else if (!reduced && state == 0 && axis == 0 && box.rank > 1) {
      form.a = box.size[i];
      form.aStride = box.stride[1][i];
    } else if (!reduced && state == 1 && axis == box.rank - 1) {
      form.b = box.size[i];
      form.bStride = box.stride[1][i];
      state = 2;
    } else {
      return false;
    }
  }
  return state >= 1;
}

void reduceForm(const Args& args, const Form& f, double divisor) {
  const Tensor &x = args.in[0], &y = args.out[0];
  const auto store = [&](int64_t a, int64_t b, double sum) { storeAny(y, a * f.aStride + b * f.bStride, sum / divisor); };
  if (f.a >= args.threads && f.b <= LANES) {
    double* const scratch = args.scratchOf<double>(args.threads * (f.b < LANES ? f.b : LANES));
    const int64_t parts = args.threads;
    parallelParts(args.threads, parts, [&](int64_t part) {
      double* const sums = scratch + part * f.b;
      const Share share = shareOf(f.a, part, parts);
      for (int64_t a = share.begin; a < share.end; a++) {
        if (f.b == 1) {
          store(a, 0, sumRun(x, a * f.r, f.r));
          continue;
        }
        sumRows(x, a * f.r * f.b, f.r, f.b, f.b, sums);
        for (int64_t b = 0; b < f.b; b++) store(a, b, sums[b]);
      }
    });
    return;
  }
  const int64_t parts = f.r * f.b < 2 * GRAIN ? 1 : args.threads;
  const int64_t width = f.b < LANES ? f.b : LANES;
  double* const scratch = args.scratchOf<double>(parts * width);
  for (int64_t a = 0; a < f.a; a++) {
    for (int64_t b0 = 0; b0 < f.b; b0 += width) {
      const int64_t n = f.b - b0 < width ? f.b - b0 : width;
      parallelParts(args.threads, parts, [&](int64_t part) {
        const Share share = shareOf(f.r, part, parts);
        const int64_t at = (a * f.r + share.begin) * f.b + b0, rows = share.end - share.begin;
        if (f.b == 1) scratch[part] = sumRun(x, at, rows);
        else sumRows(x, at, rows, f.b, n, scratch + part * width);
      });
      for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t part = 0; part < parts; part++) sum += scratch[part * width + i];
        store(a, b0 + i, sum);
      }
    }
  }
}

/** Any combination of axes: one strided sum per result. */
void reduceAny(const Args& args, const std::vector<int64_t>& xStrides, const std::vector<int64_t>& yStrides, double divisor) {
  const Tensor &x = args.in[0], &y = args.out[0];
  std::vector<int64_t> keptSize, keptX, keptY, size, stride;
  int64_t length = 1;
  for (size_t axis = 0; axis < xStrides.size(); axis++) {
    const int64_t n = (*x.shape)[axis];
    if (yStrides[axis] < 0) {
      size.push_back(n);
      stride.push_back(xStrides[axis]);
      length *= n;
    } else {
      keptSize.push_back(n);
      keptX.push_back(xStrides[axis]);
      keptY.push_back(yStrides[axis]);
    }
  }
  parallelRange(args.threads, y.count, length, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      int64_t from = 0, to = 0, rest = i;
      for (size_t k = keptSize.size(); k-- > 0;) {
        from += rest % keptSize[k] * keptX[k];
        to += rest % keptSize[k] * keptY[k];
        rest /= keptSize[k];
      }
      double sum = 0;
      for (int64_t j = 0; j < length; j++) {
        int64_t at = from, left = j;
        for (size_t k = size.size(); k-- > 0;) {
          at += left % size[k] * stride[k];
          left /= size[k];
        }
        sum += loadAny(x, at);
      }
      storeAny(y, to, sum / divisor);
    }
  });
}

}  // namespace

void reduce(const Args& args) {
  args.requireOperands(1, 1);
  const auto& attrs = args.attrs<ReduceAttrs>();
  const Tensor &x = args.in[0], &y = args.out[0];
  const size_t rank = x.shape->size();
  std::vector<bool> reduced(rank, false);
  for (const int64_t axis : attrs.axes) {
    args.require(axis >= 0 && axis < x.rank(), "axis out of range");
    reduced[static_cast<size_t>(axis)] = true;
  }
  const auto xStrides = physicalStrides(*x.shape), own = physicalStrides(*y.shape);
  std::vector<int64_t> yStrides(rank), marked(rank);
  int64_t kept = 1, length = 1;
  size_t next = 0;
  for (size_t axis = 0; axis < rank; axis++) {
    const size_t target = attrs.keepDims ? axis : next;
    if (!reduced[axis]) next++;
    args.require(reduced[axis] || target < own.size(), "the result has too few axes");
    marked[axis] = reduced[axis] ? -1 : own[target];
    yStrides[axis] = reduced[axis] ? 0 : own[target];
    (reduced[axis] ? length : kept) *= (*x.shape)[axis];
  }
  args.require(kept == y.count && x.dtype == y.dtype, "the result has the wrong size or dtype");
  const double divisor = attrs.kind == ReduceKind::mean ? static_cast<double>(length) : 1.0;
  const bool isFloat = x.dtype == DType::f32 || x.dtype == DType::bf16;
  Form form;
  if (isFloat && formOf(Box<2>::of(*x.shape, {xStrides, yStrides}), form)) reduceForm(args, form, divisor);
  else reduceAny(args, xStrides, marked, divisor);
}

}  // namespace revoxel::ops
