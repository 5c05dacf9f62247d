/**
 * A session whose memory and kernels are native, behind an addon: the hooks of BaseSession are passed on to it and its
 * errors become our classes. What the addon's object looks like is the same for every native package (native/napi-session.h).
 */

import { AbortedError, ChecksumError, OutOfMemoryError, RevoxelError } from '../errors.js';
import type { HostArray } from '../graph/dtype.js';
import { encodePlan } from '../plan/encode.js';
import type { Plan } from '../plan/plan.js';
import type { Backend, SessionMemory, SessionOptions } from './backend.js';
import { BaseSession, type ExecuteRequest, type PersistentPlace, type PreparedPlan } from './base-session.js';

/** Bytes as an addon counts and measures them. */
export interface NativeMemory {
  /** Bytes of the segments as they are allocated, which may be more than was asked for. */
  readonly persistent: number;
  readonly transient: number;
  /** Step and return blocks of all loaded plans. */
  readonly blocks: number;
  /** Bytes of the segments that are in memory, or undefined where the system does not tell. */
  readonly resident: number | undefined;
}

/** Seconds a plan's calls have taken, summed over its runs. */
export interface PlanTimings {
  readonly runs: number;
  /** In the order of `plan.calls`. */
  readonly seconds: Float64Array;
}

/** A session on the native side. All promises reject with an Error that has a `code`. */
export interface NativeSession {
  ensure(persistentBytes: number, transientBytes: number): Promise<void>;
  load(words: ArrayBuffer): Promise<number>;
  run(
    plan: number,
    refresh: readonly number[],
    inputs: readonly HostArray[],
    step: Uint8Array,
    outputs: readonly HostArray[],
  ): Promise<void>;
  /** The run handed in last ends before its next kernel. */
  stop(): void;
  copyIn(offset: number, shape: readonly number[], source: HostArray): Promise<void>;
  copyOut(offset: number, shape: readonly number[], target: HostArray): Promise<void>;
  memory(): NativeMemory;
  timings(plan: number): Promise<PlanTimings>;
  dispose(): void;
}

/** Base of the sessions of native packages. */
export class AddonSession extends BaseSession {
  private readonly plans = new Map<Plan, number>();
  private persistent = 0;
  private transient = 0;

  /** @param outOfMemoryRemedy - what to do when the device's memory does not suffice, for the error's message. */
  protected constructor(
    backend: Backend,
    private readonly native: NativeSession,
    options: SessionOptions = {},
    private readonly outOfMemoryRemedy = 'use a smaller patch or batch, or free memory',
  ) {
    super(backend, options);
  }

  /**
   * Time spent in each call of a plan loaded here, for benchmarks: divide by `runs`.
   * @throws RevoxelError ERR_PLAN if the plan was not loaded into this session.
   */
  async timings(plan: Plan): Promise<PlanTimings> {
    const id = this.plans.get(plan);
    if (id === undefined)
      throw new RevoxelError('ERR_PLAN', `plan "${plan.name}" is not loaded in this session; load it first`);
    return this.pass(this.native.timings(id));
  }

  protected override async ensurePersistent(bytes: number): Promise<void> {
    await this.pass(this.native.ensure(bytes, 0));
    this.persistent = bytes;
  }

  protected override async ensureTransient(bytes: number): Promise<void> {
    await this.pass(this.native.ensure(0, bytes));
    this.transient = bytes;
  }

  protected override copyIn({ offset, shape }: PersistentPlace, source: HostArray): Promise<void> {
    return this.pass(this.native.copyIn(offset, shape, source));
  }

  protected override copyOut({ offset, shape }: PersistentPlace, target: HostArray): Promise<void> {
    return this.pass(this.native.copyOut(offset, shape, target));
  }

  protected override async prepare(plan: Plan, offsets: readonly number[]): Promise<PreparedPlan> {
    const id = await this.pass(this.native.load(encodePlan(plan, offsets)));
    this.plans.set(plan, id);
    return { execute: (request) => this.execute(id, request) };
  }

  protected override measure(): Pick<SessionMemory, 'otherBytes' | 'residentBytes'> {
    const { persistent, transient, blocks, resident } = this.native.memory();
    // Segments may be allocated in whole pages; the rest of the last page is neither plan's nor free.
    const otherBytes = persistent - this.persistent + (transient - this.transient) + blocks;
    return { otherBytes, residentBytes: resident === undefined ? undefined : resident + blocks };
  }

  protected override release(): void {
    this.native.dispose();
  }

  private async execute(id: number, { refresh, inputs, step, outputs, signal }: ExecuteRequest): Promise<void> {
    const stop = (): void => this.native.stop();
    const run = this.native.run(id, refresh, inputs, step, outputs);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      await run;
    } catch (cause) {
      if (codeOf(cause) === 'ERR_ABORTED') throw new AbortedError({ cause: signal?.reason ?? cause });
      throw this.errorOf(cause);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  private pass<T>(promise: Promise<T>): Promise<T> {
    return promise.catch((cause: unknown) => {
      throw this.errorOf(cause);
    });
  }

  /** An error of the addon as one of the runtime's classes, with a stack of this side. */
  private errorOf(cause: unknown): unknown {
    const code = codeOf(cause);
    if (!(cause instanceof Error) || code === undefined) return cause;
    if (code === 'ERR_OUT_OF_MEMORY' && 'neededBytes' in cause && 'availableBytes' in cause) {
      return new OutOfMemoryError(Number(cause.neededBytes), Number(cause.availableBytes), this.outOfMemoryRemedy, {
        cause,
      });
    }
    if (code === 'ERR_CHECKSUM' && 'sequence' in cause) return new ChecksumError(String(cause.sequence), { cause });
    return new RevoxelError(code, cause.message, { cause });
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
