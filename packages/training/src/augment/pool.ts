/**
 * Batches made ahead of time on worker threads. A batch is a pure function of (cases, options, step): the number of workers and
 * the order they finish in change nothing but the time, and any step can be asked for, so a resumed run goes on where it was.
 *
 * Memory is fixed: `prefetch + 2` batches, allocated once and shared with the workers, used in turn.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Triple } from '@revoxel/imaging';
import { DataArgumentError } from '../data/errors.js';
import type { Job, JobResult, Slot, WorkerSetup } from './messages.js';
import { shareCase } from './patch-case.js';
import type { PatchCase } from './patch-case.js';
import { assertSampleOptions } from './sample.js';
import type { SampleOptions } from './sample.js';
import { allocateSlot, makeSampleInto } from './slot.js';

/** Settings of a pool. */
export interface PoolOptions extends SampleOptions {
  /** Worker threads; 0 makes batches in the calling thread when they are asked for. Default: cores - 1, at most 4, at least 1. */
  readonly workers?: number;
  /** Batches made ahead. Default 3; without workers none are. */
  readonly prefetch?: number;
}

/** One batch. Its arrays are overwritten after two further calls of `next`. */
export interface Batch {
  readonly step: number;
  /** Voxels of a patch, `[D, H, W]`. */
  readonly patch: Triple;
  /** `[N, C, D, H, W]`, in shared memory. */
  readonly image: Float32Array;
  /** `[N, D, H, W]`, labels 0 ... K, in shared memory. */
  readonly label: Uint8Array;
  /** Case of each sample. */
  readonly caseIds: readonly string[];
}

/** Batches by step. Made by `createBatchPool`. */
export interface BatchPool {
  readonly workers: number;
  /**
   * The batch of a step. Asked for in order, batches are made ahead; another step than the next one drops what was made
   * and goes on from there.
   *
   * @param step - 0 to 2^32 - 1. Without it: the one after the last.
   * @returns its arrays stay as they are until `next` has been called twice more.
   * @throws Error when a worker failed; `cause` has the worker's own stack.
   */
  next(step?: number): Promise<Batch>;
  /** Stop the workers; a waiting `next` is rejected. May be called again. */
  dispose(): Promise<void>;
  readonly disposed: boolean;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Start a pool. With workers, the cases are moved to shared memory (one copy for all of them) unless they are there already.
 *
 * @param cases - preprocessed cases to cut patches from.
 * @param options - patch, batch, seed, augmentation, workers.
 * @throws DataArgumentError when a setting cannot work.
 * @example
 * const pool = createBatchPool(cases, { patch: [40, 56, 40], batch: 9, seed: 1, augment: defaultAugmentation([40, 56, 40]) });
 * const batch = await pool.next(0);
 * await pool.dispose();
 */
export function createBatchPool(cases: readonly PatchCase[], options: PoolOptions): BatchPool {
  const { workers = Math.max(1, Math.min(4, availableParallelism() - 1)), prefetch = 3, ...sampling } = options;
  if (!(Number.isInteger(workers) && workers >= 0))
    throw new DataArgumentError('workers', 'an integer of at least 0', workers);
  if (!(Number.isInteger(prefetch) && prefetch >= 1))
    throw new DataArgumentError('prefetch', 'a positive integer', prefetch);
  assertSampleOptions(sampling, cases);
  return workers === 0
    ? new InProcessPool(cases, sampling)
    : new WorkerPool(cases.map(shareCase), sampling, workers, prefetch);
}

/** Batches that stay valid besides the one being waited for. */
const KEPT = 2;

function disposedError(): Error {
  return new Error('batch pool: disposed; create a new one');
}

function assertStep(step: number): void {
  if (!(Number.isInteger(step) && step >= 0 && step < 2 ** 32))
    throw new DataArgumentError('step', 'an integer from 0 to 2^32 - 1', step);
}

/** No threads: for tests, debuggers, and machines with one core. */
class InProcessPool implements BatchPool {
  readonly workers = 0;
  disposed = false;
  readonly #slots: readonly Slot[];
  #turn = 0;
  #step = 0;

  constructor(
    private readonly cases: readonly PatchCase[],
    private readonly options: SampleOptions,
  ) {
    this.#slots = Array.from({ length: KEPT }, () => allocateSlot(options, cases[0]!.channels));
  }

  async next(step = this.#step): Promise<Batch> {
    if (this.disposed) throw disposedError();
    assertStep(step);
    this.#step = step + 1;
    const slot = this.#slots[this.#turn++ % KEPT]!;
    const ids: string[] = [];
    for (let sample = 0; sample < this.options.batch; sample++) {
      ids.push(this.cases[makeSampleInto(slot, this.cases, this.options, step, sample)]!.id);
      // Lets signals and timers through between samples of large patches.
      await new Promise(setImmediate);
    }
    return { step, patch: this.options.patch, ...slot, caseIds: ids };
  }

  dispose(): Promise<void> {
    this.disposed = true;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/** A batch being made. */
interface Pending {
  readonly step: number;
  readonly slot: number;
  readonly epoch: number;
  readonly sources: Int32Array;
  /** Samples not yet reported; the slot is free for others only at 0. */
  left: number;
  failure: Error | undefined;
}

class WorkerPool implements BatchPool {
  disposed = false;
  readonly #threads: Worker[] = [];
  readonly #slots: readonly Slot[];
  readonly #free: number[];
  /** Slots handed out, oldest first; beyond KEPT - 1 they are taken back. */
  readonly #lent: number[] = [];
  /** Slot to what is made in it, stale ones included. */
  readonly #making = new Map<number, Pending>();
  /** Wanted batches in order of step. */
  #queue: Pending[] = [];
  readonly #epoch = new Int32Array(new SharedArrayBuffer(4));
  #nextStep = 0;
  #ahead = 0;
  #turn = 0;
  #waiting: (() => void) | undefined;
  #fatal: Error | undefined;

  constructor(
    private readonly cases: readonly PatchCase[],
    private readonly options: SampleOptions,
    readonly workers: number,
    private readonly prefetch: number,
  ) {
    const count = prefetch + KEPT;
    this.#slots = Array.from({ length: count }, () => allocateSlot(options, cases[0]!.channels));
    this.#free = Array.from({ length: count }, (_, i) => i);
    const setup: WorkerSetup = { cases, options, epoch: this.#epoch, slots: this.#slots };
    const file = workerFile();
    for (let i = 0; i < workers; i++) {
      // The worker is plain compiled JavaScript: options of the process (a loader, --input-type) are not for it.
      const thread = new Worker(file, { workerData: setup, name: `revoxel-augment-${i}`, execArgv: [] });
      thread.on('message', (result: JobResult) => this.#report(result));
      thread.on('error', (cause) =>
        this.#fail(new Error(`augmentation worker ${i} died: ${cause.message}`, { cause })),
      );
      thread.on('exit', (code) => this.#fail(new Error(`augmentation worker ${i} ended with code ${code}`)));
      // An idle pool does not keep the process alive; while `next` waits the threads are held (see #wait).
      thread.unref();
      this.#threads.push(thread);
    }
  }

  async next(step = this.#nextStep): Promise<Batch> {
    assertStep(step);
    if (this.#waiting !== undefined)
      throw new Error('batch pool: `next` is already waiting; await it before the next call');
    if (this.disposed) throw disposedError();
    if (this.#queue[0]?.step !== step) this.#seek(step);
    while (this.#lent.length >= KEPT) this.#free.push(this.#lent.shift()!);
    this.#nextStep = step + 1;
    this.#fill();
    while (this.#fatal === undefined && (this.#queue[0]?.step !== step || this.#queue[0].left > 0)) {
      await this.#wait();
      this.#fill();
    }
    if (this.#fatal !== undefined) throw this.#fatal;
    const done = this.#queue.shift()!;
    this.#lent.push(done.slot);
    if (done.failure !== undefined) throw done.failure;
    this.#fill();
    const ids = Array.from(done.sources, (index) => this.cases[index]!.id);
    return { step, patch: this.options.patch, ...this.#slots[done.slot]!, caseIds: ids };
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    this.#fail(disposedError());
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Drop what is being made; its slots come back when the workers have reported all of its samples. */
  #seek(step: number): void {
    Atomics.add(this.#epoch, 0, 1);
    for (const { slot, left } of this.#queue) if (left === 0) this.#free.push(slot);
    this.#queue = [];
    this.#ahead = step;
  }

  /** Give the workers as many batches as there are slots and prefetch allows. */
  #fill(): void {
    if (this.#fatal !== undefined) return;
    // The batch being waited for, and `prefetch` more.
    while (this.#free.length > 0 && this.#queue.length <= this.prefetch && this.#ahead < 2 ** 32) {
      const { batch } = this.options;
      const epoch = Atomics.load(this.#epoch, 0);
      const pending: Pending = {
        step: this.#ahead++,
        slot: this.#free.shift()!,
        epoch,
        sources: new Int32Array(batch),
        left: batch,
        failure: undefined,
      };
      this.#queue.push(pending);
      this.#making.set(pending.slot, pending);
      for (let sample = 0; sample < batch; sample++) {
        const job: Job = { epoch, slot: pending.slot, step: pending.step, sample };
        this.#threads[this.#turn++ % this.#threads.length]!.postMessage(job);
      }
    }
  }

  #report({ job, source, error }: JobResult): void {
    const pending = this.#making.get(job.slot);
    if (pending === undefined)
      throw new Error(`internal: batch pool: a result for slot ${job.slot}, where nothing is made`);
    pending.left--;
    pending.sources[job.sample] = source;
    if (error !== undefined) {
      const cause = Object.assign(new Error(error.message), { name: error.name });
      if (error.stack !== undefined) cause.stack = error.stack;
      pending.failure ??= new Error(`augmentation of step ${job.step}, sample ${job.sample} failed: ${error.message}`, {
        cause,
      });
    }
    if (pending.left > 0) return;
    this.#making.delete(job.slot);
    if (pending.epoch !== Atomics.load(this.#epoch, 0)) this.#free.push(job.slot);
    this.#wake();
  }

  #fail(error: Error): void {
    this.#fatal ??= error;
    this.#wake();
  }

  #wait(): Promise<void> {
    for (const thread of this.#threads) thread.ref();
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  #wake(): void {
    if (this.#waiting === undefined) return;
    for (const thread of this.#threads) thread.unref();
    const resume = this.#waiting;
    this.#waiting = undefined;
    resume();
  }
}

/** The compiled worker: beside this file, or in `dist` when this file is run as TypeScript source (tests). */
function workerFile(): string {
  const path = import.meta.url.endsWith('.ts') ? '../../dist/augment/worker.js' : './worker.js';
  return fileURLToPath(new URL(path, import.meta.url));
}
