/**
 * Running a plan of a training step for a moment, to see whether its bytes are what was planned: the session's own mappings,
 * and the peak of the whole process. For one plan per process: what others left behind would count too.
 *
 * Source: proc(5) for `VmHWM`, `VmRSS` and `clear_refs`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  compile,
  elementCount,
  hostArray,
  OutOfMemoryError,
  scale,
  trace,
  type Backend,
  type HostArray,
  type Plan,
  type Session,
} from '@revoxel/runtime';
import { stepScalars } from '../train/step-scalars.js';

/** What was planned and what was seen. Bytes and seconds. */
export interface StepMeasurement {
  /** Persistent and transient segment. */
  readonly plannedBytes: number;
  /** Rounding of segments to whole pages, step and return blocks. */
  readonly otherBytes: number;
  /** Resident bytes of the session's mappings; null where the system cannot tell them apart. */
  readonly residentBytes: number | null;
  /** Growth of the process's peak by the plan and its runs; the inputs and the backend's threads were there before. */
  readonly rssGrowthBytes: number;
  /** Time of the last step. */
  readonly secondsPerStep: number;
}

/** A plan may make the process grow by this factor of its bytes, and this much: code, garbage, encoded plans. */
const RSS_FACTOR = 1.02;
const RSS_MARGIN_BYTES = 48 * 2 ** 20;

/** Most that a process may grow for a plan. */
export function rssLimit(plannedBytes: number): number {
  return plannedBytes * RSS_FACTOR + RSS_MARGIN_BYTES;
}

/**
 * Run a training step a few times on random images and labels.
 *
 * @param plan - of a `trainingStep`, for the backend's profile.
 * @param classes - labels are 0 to classes - 1.
 * @param steps - how often.
 * @throws OutOfMemoryError when the machine has not that much memory free: nothing is run.
 */
export async function measureStep(plan: Plan, backend: Backend, classes: number, steps = 2): Promise<StepMeasurement> {
  const needed = rssLimit(plan.memory.peakBytes);
  const free = process.availableMemory();
  if (needed > free)
    throw new OutOfMemoryError(needed, free, 'nothing was run; measure a smaller patch or another memory choice');
  const inputs = randomInputs(plan, classes);
  // A small rate and few steps: the weights stay where sums of them are finite.
  const scalars = stepScalars(plan, { learningRate: 1e-6, step: 0, seed: 0 });
  using session = await backend.createSession();
  await startThreads(session, backend);
  (globalThis as { gc?: () => void }).gc?.();
  const peak = new PeakMemory();
  const executable = await session.load(plan);
  let seconds = 0;
  for (let i = 0; i < steps; i++) {
    const began = performance.now();
    await executable.run(inputs, scalars);
    seconds = (performance.now() - began) / 1000;
  }
  const rssGrowthBytes = peak.stop();
  const { persistentBytes, transientBytes, otherBytes, residentBytes } = session.memory();
  return {
    plannedBytes: persistentBytes + transientBytes,
    otherBytes,
    residentBytes: residentBytes ?? null,
    rssGrowthBytes,
    secondsPerStep: seconds,
  };
}

/** Run next to nothing: worker threads start with the first run, and what they take belongs to no plan. */
async function startThreads(session: Session, backend: Backend): Promise<void> {
  const graph = trace('start', (g) => g.output('y', scale(g.input('x', [1]), 1)));
  const executable = await session.load(compile(graph, backend.profile));
  await executable.run({ x: new Float32Array(1) });
}

/** Values of about unit variance for floats, classes for integers; always the same. */
function randomInputs(plan: Plan, classes: number): Record<string, HostArray> {
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return Object.fromEntries(
    plan.inputs.map(({ name, value }) => {
      const { dtype, shape } = plan.values[value]!;
      const data = hostArray(dtype, elementCount(shape));
      for (let i = 0; i < data.length; i++)
        data[i] = dtype === 'u8' ? Math.floor(next() * classes) : 3.4 * (next() - 0.5);
      return [name, data];
    }),
  );
}

/** How often the resident size is looked at where the kernel's own peak cannot be reset. */
const SAMPLE_MS = 3;

/** Growth of this process's resident memory from the moment it is made. */
class PeakMemory {
  readonly #before: number;
  #most: number;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor() {
    const counted = resetPeak();
    this.#before = residentBytes();
    this.#most = this.#before;
    if (!counted) this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  /** Stop looking. @returns bytes. */
  stop(): number {
    clearInterval(this.#timer);
    this.#sample();
    const counted = this.#timer === undefined ? (statusBytes('VmHWM') ?? 0) : 0;
    return Math.max(0, Math.max(this.#most, counted) - this.#before);
  }

  #sample(): void {
    this.#most = Math.max(this.#most, residentBytes());
  }
}

/** What the peak may be above the present size when it has just been reset. */
const RESET_SLACK = 2 ** 20;

/** Set the peak that the kernel keeps to the present size. @returns whether it did: sandboxes accept the request and ignore it. */
function resetPeak(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    return false;
  }
  const [peak, now] = [statusBytes('VmHWM'), statusBytes('VmRSS')];
  return peak !== undefined && now !== undefined && peak - now < RESET_SLACK;
}

function residentBytes(): number {
  return statusBytes('VmRSS') ?? process.memoryUsage.rss();
}

/** A line of `/proc/self/status`, in bytes. */
function statusBytes(field: 'VmHWM' | 'VmRSS'): number | undefined {
  try {
    const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'latin1'));
    return line === null ? undefined : Number(line[1]) * 1024;
  } catch {
    return undefined;
  }
}
