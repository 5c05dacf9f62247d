// Channels-last convolution kernels: forward, input gradient (= transposed convolution forward), weight gradient.
// Plain C++17, no Node headers. Interface stable: callers may rely on the names, layouts and scratch formulas below.
//
// What it is not: no padding modes other than zeros, no activation fusion, no memory management (the caller
// passes scratch), no numerical choice by timing.
//
// Layouts (row-major, last index fastest)
//   activations  [N][D][H][W][C]             T = float or Bf16; a 2D convolution has D = 1, kd = 1
//   weights      [Co][kd][kh][kw][Ci/groups] float
//   bias         [Co] (forward), [Ci] (input gradient used as a transposed convolution)
//
// Every sum runs in fp32 registers (double for the bias gradient) in an order that depends on the shape, the
// thread count and the instruction set alone: the same call gives the same bits. There are no atomics.
// Functions throw std::invalid_argument on a shape they cannot accept (see convCheck) and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bf16.h"

namespace revoxel {

/**
 * Sizes of a 2D or 3D convolution, seen from its forward direction: x [n,id,ih,iw,ci] -> y [n,od,oh,ow,co].
 * s* strides, p* leading zero padding (trailing padding follows from the sizes and may differ), d* dilations.
 * Output voxel o and tap k read input voxel o * s - p + k * d; what falls outside the input counts as zero.
 * A transposed convolution is described by the convolution whose input gradient it is.
 */
struct ConvShape {
  int64_t n, ci, id, ih, iw;
  int64_t co, od, oh, ow;
  int64_t kd, kh, kw;
  int64_t sd, sh, sw;
  int64_t pd, ph, pw;
  int64_t dd, dh, dw;
  int64_t groups;
};

/** The three computations a shape stands for. */
enum class Pass { Forward = 0, InputGrad = 1, WeightGrad = 2 };

/** A run of input channels that lives in its own channels-last tensor of `channels` channels. */
template <class T>
struct PieceOf {
  const T* data;
  int64_t channels;
};

/** The input of a convolution: pieces in channel order; their channels add up to ConvShape::ci. */
template <class T>
struct PiecesOf {
  const PieceOf<T>* items;
  int64_t count;
};

using Piece = PieceOf<float>;
using Pieces = PiecesOf<float>;

/** Largest number of pieces a call accepts. */
constexpr int64_t CONV_MAX_PIECES = 16;

/** Reason why the kernels refuse the shape (sizes < 1, negative padding, groups that do not divide), or nullptr. */
const char* convCheck(const ConvShape& shape);

/**
 * Multiply-adds times two, taps on padding included (the convention of the benchmark tables); the same for the
 * three passes.
 */
double convFlops(const ConvShape& shape);

// ---- Packed weights -------------------------------------------------------------------------------------------
// Packed weights are floats, the same for every instruction set and thread count, in blocks of 32 result channels:
//   [group][block][tap][source channel of the group][block width]
// where the last block of a group is narrowed to blockPad(rest), and lanes beyond the last channel are zero.
//   blockPad(r) = r <= 4 ? 4 : 8 * ceil(r / 8)           channelPad(c) = 32 * floor(c / 32) + (c % 32 ? blockPad(c % 32) : 0)
// Result channels are Co in the forward pass and Ci in the input gradient. Element counts (floats):
//   forward     groups * channelPad(co / groups) * kd * kh * kw * (ci / groups) + 32
//   input grad  groups * channelPad(ci / groups) * kd * kh * kw * (co / groups) + 32
// The 32 trailing floats are zeros which vector loads may touch. Keep packed copies 64-byte aligned for speed.

/** Channels rounded up as described above. */
int64_t channelPad(int64_t channels);
/** Floats that packForward writes. */
int64_t packForwardSize(const ConvShape& shape);
/** Floats that packInputGrad writes. */
int64_t packInputGradSize(const ConvShape& shape);
/** Packs [Co][kd][kh][kw][Ci/groups] for convForward. Runs on the calling thread. */
void packForward(const ConvShape& shape, const float* w, float* out);
/** Packs [Co][kd][kh][kw][Ci/groups] for convInputGrad. Runs on the calling thread. */
void packInputGrad(const ConvShape& shape, const float* w, float* out);

// ---- Scratch --------------------------------------------------------------------------------------------------
// Sizes in floats; the scratch must be 64-byte aligned and may hold anything; it is not kept between calls.
// With ceil16(a) = 16 * ceil(a / 16), taps = kd * kh * kw, cig = ci / groups, E = co * taps * cig:
//   forward      ceil16(ci)
//   input grad   ceil16(co)
//   weight grad  ceil16(2 * threads * co) +
//                (cig < 8 ? threads * (ceil16(E) + ceil16(kd * kh * ((ow - 1) * sw + (kw - 1) * dw + 1) * cig))
//                         : (V - 1) * ceil16(E)),   V = max(1, min(threads, floor(2^22 / E)))

/** Floats of scratch for convForward. */
int64_t convForwardScratch(const ConvShape& shape, int threads);
/** Floats of scratch for convInputGrad. */
int64_t convInputGradScratch(const ConvShape& shape, int threads);
/** Floats of scratch for convWeightGrad. */
int64_t convWeightGradScratch(const ConvShape& shape, int threads);

// ---- The three passes -----------------------------------------------------------------------------------------

/**
 * y = conv(x, w) + bias. Overwrites y [n,od,oh,ow,co]. Input pieces are summed in registers: y is written once.
 *
 * @param packed  from packForward.
 * @param bias    [co] or nullptr.
 * @param threads OpenMP threads to use, >= 1; part of the definition of the result's rounding.
 */
template <class T>
void convForward(const ConvShape& shape, const PiecesOf<T>& x, const float* packed, const float* bias, T* y,
                 void* scratch, int threads);

/**
 * dx = the gradient of the input channels [ciBegin, ciBegin + ciCount), or the forward pass of the transposed
 * convolution (dy its input, dx its output, bias its bias). Overwrites dx [n,id,ih,iw,ciCount].
 *
 * @param packed from packInputGrad (of all input channels).
 * @param bias   [ci], indexed by the full channel number, or nullptr.
 */
template <class T>
void convInputGrad(const ConvShape& shape, const T* dy, const float* packed, const float* bias, T* dx,
                   int64_t ciBegin, int64_t ciCount, void* scratch, int threads);

/**
 * dw = the gradient of the weights [co][kd][kh][kw][ci/groups], overwritten; dbias [co] = sum of dy over n and
 * voxels, overwritten, where not nullptr. Both float, not packed.
 */
template <class T>
void convWeightGrad(const ConvShape& shape, const PiecesOf<T>& x, const T* dy, float* dw, float* dbias,
                    void* scratch, int threads);

// ---- Instruction sets -----------------------------------------------------------------------------------------

/** What the kernels were compiled for; all are in the binary where the compiler can make them. */
enum class Isa { Portable = 0, Avx2 = 1, Avx512 = 2 };

/** The set in use: the best one this CPU has, or REVOXEL_ISA=portable|avx2|avx512 where the CPU has that one. */
Isa convIsa();
/** Chooses a set; false (and no change) where the CPU or the build lacks it. For tests; not while kernels run. */
bool setConvIsa(Isa isa);
/** "portable", "avx2" or "avx512". */
const char* isaName(Isa isa);

}  // namespace revoxel
