/** What the compiler must know of the `typescript` backend: its fusions, packed weights and scratch sizes. */

import { isFixed } from '../../graph/dtype.js';
import { scratchWithDecoding } from '../executor/bind.js';
import type { BackendProfile, KernelQuery } from '../profile.js';
import { convPackedLength, convScratch, convVariant } from './conv.js';
import { convTransposePackedLength, convTransposeScratch, convTransposeVariant } from './conv-transpose.js';
import { convWeightGradScratch, convWeightGradVariant } from './conv-weight-grad.js';
import { statsScratch } from './fixed-point.js';
import { crossEntropyScratch, diceLossScratch } from './loss-sums.js';
import { fixedNormGradScratch, normGradScratch, normScratch } from './moments.js';
import { reduceScratch } from './reduce.js';
import { sumSquaresScratch } from './sum-squares.js';

/** Packed weights are float64, counted in f32 elements. */
const F32_PER_F64 = 2;

/** Scratch of the fast kernels; everything else needs none. */
function kernelScratch(query: KernelQuery, threads: number): number {
  switch (query.op) {
    case 'conv':
      return convScratch(query, threads);
    case 'convTranspose':
      return convTransposeScratch(query, threads);
    case 'convWeightGrad':
      return convWeightGradScratch(query, threads);
    case 'norm':
    case 'normAct':
      return normScratch(query.inputs[0]!.shape);
    case 'normGrad':
      return normGradScratch(query.inputs[0]!.shape);
    case 'normActGrad': {
      const { shape, dtype } = query.inputs[0]!;
      return isFixed(dtype) ? fixedNormGradScratch(shape, threads) : normGradScratch(shape);
    }
    case 'couple':
    case 'quantize':
      return statsScratch(threads);
    case 'crossEntropy':
      return crossEntropyScratch(query.inputs[0]!.shape);
    case 'diceLoss':
      return diceLossScratch(query.inputs[0]!.shape);
    case 'reduce':
      return reduceScratch(query);
    case 'sumSquares':
      return sumSquaresScratch(query.inputs.map((t) => t.shape));
    default:
      return 0;
  }
}

/** For plans to be run by `threads` workers; a session with fewer or more runs them too, with the same results. */
export function typescriptProfile(threads: number): BackendProfile {
  return {
    name: 'typescript',
    alignment: 64,
    threads,
    speed: { flopsPerSecond: 4e9 * threads, bytesPerSecond: 1e9 * threads },
    fusions: new Set(['normAct', 'normActGrad'] as const),
    packedElements(query) {
      if (query.op === 'conv') return F32_PER_F64 * convPackedLength(query);
      if (query.op === 'convTranspose') return F32_PER_F64 * convTransposePackedLength(query);
      return 0;
    },
    variant(query) {
      if (query.op === 'conv') return convVariant(query);
      if (query.op === 'convTranspose') return convTransposeVariant(query);
      return query.op === 'convWeightGrad' ? convWeightGradVariant(query) : 0;
    },
    scratchBytes: (query) => scratchWithDecoding(query, kernelScratch(query, threads)),
  };
}
