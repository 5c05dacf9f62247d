/**
 * The augmentation worker: makes samples into shared memory, one job at a time. Runs only as a worker thread of pool.ts.
 */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { Job, JobResult, WorkerSetup } from './messages.js';
import { makeSampleInto } from './slot.js';

/** Nice value of a worker: the step itself goes first where both want one core. */
const NICE = 5;

const port = parentPort;
if (port === null) throw new Error('internal: the augmentation worker runs only as a worker thread');
const setup = workerData as WorkerSetup;

// On Linux a nice value belongs to a thread, elsewhere to the whole process, which must keep its own.
if (process.platform === 'linux') {
  try {
    setPriority(0, NICE);
  } catch {
    // Not allowed to (some sandboxes): slower steps on a busy machine, nothing else.
  }
}

port.on('message', (job: Job) => {
  port.postMessage(run(job));
});

function run(job: Job): JobResult {
  if (Atomics.load(setup.epoch, 0) !== job.epoch) return { job, source: -1 };
  try {
    return { job, source: makeSampleInto(setup.slots[job.slot]!, setup.cases, setup.options, job.step, job.sample) };
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    return { job, source: -1, error: { name, message, stack } };
  }
}
