/** The worker threads of one session: started once, one message each per run, in step through a barrier. The calling thread stays free. */

import { Worker } from 'node:worker_threads';
import { AbortedError, ChecksumError, RevoxelError } from '../../errors.js';
import type { Plan } from '../../plan/plan.js';
import type { MemoryMap } from '../executor/host-memory.js';
import { kernelError } from '../executor/kernel-error.js';
import { Barrier } from './barrier.js';
import type { RunEnd, ToWorker, WorkerStart } from './messages.js';

/** Compiled entry of a worker; a worker cannot load TypeScript, so sources run with the last build's. */
function workerUrl(): URL {
  const own = import.meta.url;
  return own.endsWith('.ts') ? new URL('../../../dist/backend/typescript/worker.js', own) : new URL('./worker.js', own);
}

export class WorkerTeam {
  private readonly workers: Worker[];
  private readonly shared = Barrier.allocate();
  private readonly barrier: Barrier;
  private plans = 0;
  private lost: Error | undefined;
  private closed = false;
  /** Of the run under way. */
  private settle:
    | { readonly ends: RunEnd[]; readonly resolve: (ends: RunEnd[]) => void; readonly reject: (error: Error) => void }
    | undefined;

  constructor(parts: number) {
    this.barrier = new Barrier(this.shared, parts);
    this.workers = Array.from({ length: parts }, (_, part) => {
      const start: WorkerStart = { part, parts, barrier: this.shared };
      const worker = new Worker(workerUrl(), { workerData: start, name: `revoxel-${part}` });
      worker.unref();
      worker.on('message', (end: RunEnd) => this.onEnd(end));
      worker.on('error', (error) => this.onLost(error));
      worker.on('exit', (code) => this.onLost(new Error(`exit code ${code}`)));
      return worker;
    });
  }

  /** Make a plan known. @returns its number for `run`. */
  addPlan(plan: Plan, offsets: readonly number[]): number {
    const id = this.plans++;
    this.post({ kind: 'plan', id, plan, offsets });
    return id;
  }

  setMemory(map: MemoryMap): void {
    this.post({ kind: 'memory', map });
  }

  /** Run a plan; one at a time. @throws AbortedError, or RevoxelError ERR_KERNEL that names the kernel */
  async run(id: number, refresh: readonly number[], signal: AbortSignal | undefined): Promise<void> {
    if (this.lost) throw workersLost(this.lost);
    this.barrier.reset();
    const stop = (): void => this.barrier.abort();
    signal?.addEventListener('abort', stop, { once: true });
    // While a run is under way the workers keep the process alive, at other times they do not.
    for (const worker of this.workers) worker.ref();
    try {
      const ends = await new Promise<RunEnd[]>((resolve, reject) => {
        this.settle = { ends: [], resolve, reject };
        this.post({ kind: 'run', id, refresh });
      });
      const failure = ends.find((e) => e.failure)?.failure;
      if (failure) throw kernelError(failure, causeOf(failure));
      if (ends.some((e) => e.end === 'aborted')) throw new AbortedError({ cause: signal?.reason });
    } finally {
      this.settle = undefined;
      signal?.removeEventListener('abort', stop);
      for (const worker of this.workers) worker.unref();
    }
  }

  close(): void {
    this.closed = true;
    for (const worker of this.workers) void worker.terminate();
  }

  private post(message: ToWorker): void {
    for (const worker of this.workers) worker.postMessage(message);
  }

  private onEnd(end: RunEnd): void {
    const run = this.settle;
    if (run && run.ends.push(end) === this.workers.length) run.resolve(run.ends);
  }

  private onLost(error: Error): void {
    if (this.closed || this.lost) return;
    this.lost = error;
    // The others may wait for the lost one for ever.
    for (const worker of this.workers) void worker.terminate();
    this.settle?.reject(workersLost(error));
  }
}

/** The error as it was in the worker. */
function causeOf({ name, error }: NonNullable<RunEnd['failure']>): Error {
  const cause = error.code === 'ERR_CHECKSUM' ? new ChecksumError(name) : new Error(error.message);
  cause.name = error.name;
  if (error.stack !== undefined) cause.stack = error.stack;
  return cause;
}

function workersLost(cause: Error): RevoxelError {
  return new RevoxelError(
    'ERR_WORKER',
    `a worker thread of the session ended (${cause.message}); create a new session`,
    { cause },
  );
}
