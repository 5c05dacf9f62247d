/** What the session and its workers say to each other. Plain data. */

import type { Plan } from '../../plan/plan.js';
import type { MemoryMap } from '../executor/host-memory.js';

/** Given to a worker at its start. */
export interface WorkerStart {
  readonly part: number;
  readonly parts: number;
  /** Memory of the barrier. */
  readonly barrier: SharedArrayBuffer;
}

export type ToWorker =
  | { readonly kind: 'plan'; readonly id: number; readonly plan: Plan; readonly offsets: readonly number[] }
  | { readonly kind: 'memory'; readonly map: MemoryMap }
  | { readonly kind: 'run'; readonly id: number; readonly refresh: readonly number[] };

/** Sent by every worker at the end of every run. */
export interface RunEnd {
  readonly end: 'done' | 'aborted' | 'failed';
  /** In the worker that failed: which kernel and why. */
  readonly failure?: {
    readonly op: string;
    readonly name: string;
    /** Of the error: classes do not cross threads, so the session makes typed ones again by their code. */
    readonly error: {
      readonly code: string | undefined;
      readonly name: string;
      readonly message: string;
      readonly stack: string | undefined;
    };
  };
}
