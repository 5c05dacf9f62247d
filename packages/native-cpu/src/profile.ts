/**
 * What the compiler must know of this backend. Usable on machines without the addon: a plan for a CPU server can be
 * made anywhere.
 */

import { availableParallelism } from 'node:os';
import { ArgumentError, type BackendProfile, type KernelQuery } from '@revoxel/runtime';
import { isConvolution, type ConvQuery } from './conv-shape.js';
import { packedFloats, scratchBytes } from './scratch.js';

/** Threads used unless told otherwise: `REVOXEL_THREADS`, else every processor this process may use. */
export function defaultThreads(): number {
  const text = process.env.REVOXEL_THREADS;
  if (text === undefined || text === '') return availableParallelism();
  const threads = Number(text);
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024)
    throw new ArgumentError('REVOXEL_THREADS', 'an integer in 1..1024', text);
  return threads;
}

/** Variants of the convolutions: the kernels of this package, or oneDNN. */
const OWN = 0;
const ONEDNN = 1;

/** What a profile asks oneDNN: a pure function of shape, thread count and library version. */
export interface OnednnChoice {
  /** Version of the library, part of the profile's name. */
  readonly version: string;
  /** Floats of scratch of the call by oneDNN, or -1 where it is not to be used. */
  scratch(query: ConvQuery, threads: number): number;
}

/**
 * The profile of native CPU sessions.
 * @param threads - of the sessions that will run the plans; sums are split by it, so it is part of the profile's name.
 * @param onednn - of the machine that will run them; without it all convolutions take this package's own kernels.
 */
export function cpuProfile(threads: number = defaultThreads(), onednn?: OnednnChoice): BackendProfile {
  const viaOnednn = (query: KernelQuery): number =>
    onednn && isConvolution(query) && query.inputs.every((t) => t.dtype === 'f32')
      ? onednn.scratch(query, threads)
      : -1;
  return {
    name: onednn ? `cpu:${threads}+onednn${onednn.version}` : `cpu:${threads}`,
    alignment: 64,
    threads,
    // Only ranks memory choices: tools/bench/memory/budgets.mjs sets planned times against measured ones.
    speed: { flopsPerSecond: 90e9 * threads, bytesPerSecond: 8e9 * threads },
    // Half precision would save nothing here: processors that compute in 16 bits do so in bf16.
    refuses: { f16: 'f16 is for GPUs: use bf16 on the cpu backend (--precision bf16)' },
    fusions: new Set(['normAct', 'normActGrad'] as const),
    packedElements(query) {
      if (query.op !== 'conv' && query.op !== 'convTranspose') return 0;
      // oneDNN's form of weights depends on the spatial sizes: it gets them plain.
      return viaOnednn(query) >= 0 ? 0 : packedFloats(query);
    },
    variant: (query) => (viaOnednn(query) >= 0 ? ONEDNN : OWN),
    scratchBytes: (query, variant) => (variant === ONEDNN ? 4 * viaOnednn(query) : scratchBytes(query, threads)),
  };
}
