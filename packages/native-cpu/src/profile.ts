/**
 * What the compiler must know of this backend. Usable on machines without the addon: a plan for a CPU server can be
 * made anywhere.
 */

import { availableParallelism } from 'node:os';
import { ArgumentError, type BackendProfile } from '@revoxel/runtime';
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

/**
 * The profile of native CPU sessions.
 * @param threads - of the sessions that will run the plans; sums are split by it, so it is part of the profile's name.
 */
export function cpuProfile(threads: number = defaultThreads()): BackendProfile {
  return {
    name: `cpu:${threads}`,
    alignment: 64,
    threads,
    fusions: new Set(['normAct', 'normActGrad'] as const),
    packedElements: (query) => (query.op === 'conv' || query.op === 'convTranspose' ? packedFloats(query) : 0),
    variant: () => 0,
    scratchBytes: (query) => scratchBytes(query, threads),
  };
}
