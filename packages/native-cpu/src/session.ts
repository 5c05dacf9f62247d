/**
 * A session whose memory and kernels are native. What all sessions share (names, stale copies, checks, queueing) is in
 * the runtime's BaseSession; here its hooks are passed on to the addon, and the addon's errors become our classes.
 */

import {
  AbortedError,
  BaseSession,
  ChecksumError,
  encodePlan,
  OutOfMemoryError,
  RevoxelError,
  type Backend,
  type ExecuteRequest,
  type HostArray,
  type PersistentPlace,
  type Plan,
  type PreparedPlan,
  type SessionMemory,
  type SessionOptions,
} from '@revoxel/runtime';
import type { Addon, NativeSession } from './addon.js';

/** Seconds a plan's calls have taken, summed over its runs. */
export interface PlanTimings {
  readonly runs: number;
  /** In the order of `plan.calls`. */
  readonly seconds: Float64Array;
}

export class CpuSession extends BaseSession {
  private readonly native: NativeSession;
  private readonly plans = new Map<Plan, number>();
  private persistent = 0;
  private transient = 0;

  /** @internal sessions come from a backend */
  constructor(backend: Backend, addon: Addon, options: SessionOptions = {}) {
    super(backend, options);
    this.native = new addon.NativeSession(backend.profile.threads);
  }

  /**
   * Time spent in each call of a plan loaded here, for benchmarks: divide by `runs`.
   * @throws RevoxelError ERR_PLAN if the plan was not loaded into this session.
   */
  async timings(plan: Plan): Promise<PlanTimings> {
    const id = this.plans.get(plan);
    if (id === undefined)
      throw new RevoxelError('ERR_PLAN', `plan "${plan.name}" is not loaded in this session; load it first`);
    return this.native.timings(id).catch(rethrow);
  }

  protected override ensurePersistent(bytes: number): Promise<void> {
    this.persistent = bytes;
    return this.native.ensure(bytes, 0).catch(rethrow);
  }

  protected override ensureTransient(bytes: number): Promise<void> {
    this.transient = bytes;
    return this.native.ensure(0, bytes).catch(rethrow);
  }

  protected override copyIn({ offset, shape }: PersistentPlace, source: HostArray): Promise<void> {
    return this.native.copyIn(offset, shape, source).catch(rethrow);
  }

  protected override copyOut({ offset, shape }: PersistentPlace, target: HostArray): Promise<void> {
    return this.native.copyOut(offset, shape, target).catch(rethrow);
  }

  protected override async prepare(plan: Plan, offsets: readonly number[]): Promise<PreparedPlan> {
    const id = await this.native.load(encodePlan(plan, offsets)).catch(rethrow);
    this.plans.set(plan, id);
    return { execute: (request) => this.execute(id, request) };
  }

  protected override measure(): Pick<SessionMemory, 'otherBytes' | 'residentBytes'> {
    const { persistent, transient, blocks, resident } = this.native.memory();
    // Segments are mapped in whole pages; the rest of the last page is neither plan's nor free.
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
      rethrow(cause);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** An error of the addon as one of the runtime's classes, with a stack of this side. */
function rethrow(cause: unknown): never {
  const code = codeOf(cause);
  if (!(cause instanceof Error) || code === undefined) throw cause;
  if (code === 'ERR_OUT_OF_MEMORY' && 'neededBytes' in cause && 'availableBytes' in cause) {
    const remedy = 'use a smaller patch or batch, or free memory';
    throw new OutOfMemoryError(Number(cause.neededBytes), Number(cause.availableBytes), remedy, { cause });
  }
  if (code === 'ERR_CHECKSUM' && 'sequence' in cause) throw new ChecksumError(String(cause.sequence), { cause });
  throw new RevoxelError(code, cause.message, { cause });
}
