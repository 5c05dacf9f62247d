/**
 * What the pool and its workers tell each other. All voxels are in shared memory; messages hold only numbers and names.
 */
import type { PatchCase } from './patch-case.js';
import type { SampleOptions } from './sample.js';

/** Given to a worker when it starts. */
export interface WorkerSetup {
  readonly cases: readonly PatchCase[];
  readonly options: SampleOptions;
  /** Shared with the pool: jobs of an older epoch are skipped. */
  readonly epoch: Int32Array;
  /** Memory of the batches, shared: samples are written where they belong. */
  readonly slots: readonly Slot[];
}

/** Memory of one batch. */
export interface Slot {
  /** `[N, C, D, H, W]`. */
  readonly image: Float32Array;
  /** `[N, D, H, W]`. */
  readonly label: Uint8Array;
}

/** One sample to make. */
export interface Job {
  readonly epoch: number;
  readonly slot: number;
  readonly step: number;
  readonly sample: number;
}

/** What became of a job. */
export interface JobResult {
  readonly job: Job;
  /** Index of the case it was cut from; -1 when it was skipped. */
  readonly source: number;
  /** Set when making it failed. */
  readonly error?: { readonly name: string; readonly message: string; readonly stack: string | undefined };
}
