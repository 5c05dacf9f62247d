// The convolution passes through oneDNN's v2 API (2.6 or newer, below 3), on the same channels-last float tensors as
// conv.h. Compiled only where REVOXEL_HAVE_ONEDNN is defined; the caller falls back to conv.h for everything that
// onednnSupports() refuses. v3 changed how primitives are described: it would be a second onednn.cc.
//
// What it is not: no bfloat16, no groups (conv.h has them), no deconvolution primitive. A transposed convolution is
// convolution backward-data, its bias a pass of its own: the deconvolution primitive with bias falls to a path
// several times slower. Channel-slice views of a wider tensor are never made (they fall to the reference
// implementation); the pieces of an input are one call each, accumulated with a sum post-op. What oneDNN would
// compute with its reference implementation is refused.
//
// Primitives are cached for the life of the process by slice of the shape, pass, thread count and bias. Scratch is
// the caller's. Calls are thread-safe; `threads` is set for the calling thread during the call and put back.
#pragma once

#if defined(REVOXEL_HAVE_ONEDNN)

#include <cstdint>

#include "conv.h"

namespace revoxel {

/**
 * Whether oneDNN has a real (not reference) implementation.
 * @param channels the input channels of each piece (forward, weight gradient) or of the one slice (input gradient);
 *                 they are one call each.
 */
bool onednnSupports(const ConvShape& shape, Pass pass, const int64_t* channels, int64_t count, int threads);

/** The same for one piece. */
bool onednnSupports(const ConvShape& shape, Pass pass, int threads);

/**
 * Floats of scratch (64-byte aligned) for a pass over pieces of these channel counts: the largest one's need.
 * Known only to oneDNN, so there is no closed formula; constant for given arguments and library.
 */
int64_t onednnScratch(const ConvShape& shape, Pass pass, const int64_t* channels, int64_t count, int threads);

/** Floats of packed weights (a multiple of 16) of a slice of `channels` input channels. Forward, InputGrad. */
int64_t onednnPackedSize(const ConvShape& shape, Pass pass, int64_t channels, int threads);

/**
 * Packs input channels [ciBegin, ciBegin + ciCount) of w [co][kd][kh][kw][ci] into `out` (64-byte aligned).
 * onednnForward wants the slices of its pieces one behind the other, each onednnPackedSize() long.
 */
void onednnPack(const ConvShape& shape, Pass pass, const float* w, int64_t ciBegin, int64_t ciCount, float* out,
                int threads);

/** As convForward, with weights from onednnPack. Further pieces are added to y in memory (float, no extra rounding). */
void onednnForward(const ConvShape& shape, const Pieces& x, const float* packed, const float* bias, float* y,
                   void* scratch, int threads);

/** As convInputGrad; `packed` is the slice [ciBegin, ciBegin + ciCount) alone. */
void onednnInputGrad(const ConvShape& shape, const float* dy, const float* packed, const float* bias, float* dx,
                     int64_t ciBegin, int64_t ciCount, void* scratch, int threads);

/** As convWeightGrad. */
void onednnWeightGrad(const ConvShape& shape, const Pieces& x, const float* dy, float* dw, float* dbias,
                      void* scratch, int threads);

/**
 * The static choice: whether oneDNN was measured more than 10 % faster than conv.h for shapes like this one
 * (bench/results/conv-f32.md). Depends on the shape alone, never on timing.
 */
bool onednnFaster(const ConvShape& shape, Pass pass);

/** "2.6.3"-style version of the library in use. */
const char* onednnVersion();

}  // namespace revoxel

#endif
