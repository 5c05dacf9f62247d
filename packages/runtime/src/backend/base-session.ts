/**
 * What all sessions have in common: the table of persistent values with stable offsets, their initial values, derived
 * values and when they are stale, argument checks, the memory limit, one run at a time, disposal. Where memory lies and
 * how kernels run is left to subclasses (`reference`, `typescript`, the native packages) through a handful of hooks.
 *
 * Host arrays pass the hooks in logical C order together with their place, so that a subclass whose memory JavaScript
 * cannot see converts layouts on its own side.
 */

import { AbortedError, ArgumentError, DisposedError, internal, OutOfMemoryError, RevoxelError } from '../errors.js';
import { elementBytes, hostArray, isHostArray, type DType, type HostArray } from '../graph/dtype.js';
import { elementCount, sameShape, type Shape } from '../graph/shape.js';
import { PLAN_VERSION, type PersistentEntry, type Plan, type PlanValue } from '../plan/plan.js';
import { fillInitial } from '../random/initialise.js';
import type { Backend, Executable, RunOptions, Session, SessionMemory, SessionOptions } from './backend.js';

/** A value in the session's persistent segment: `offset` bytes from its start, fixed for the life of the session. */
export interface PersistentPlace {
  readonly offset: number;
  readonly dtype: DType;
  /** Logical shape; memory is channels-last. */
  readonly shape: Shape;
}

/** One run of a prepared plan, all arguments checked. */
export interface ExecuteRequest {
  /** Indices into `plan.derived` of the stale values: their calls run first, in this order. */
  readonly refresh: readonly number[];
  /** In the order of `plan.inputs`; logical C order; to be copied to their values' places before the first kernel. */
  readonly inputs: readonly HostArray[];
  /** The step block, `plan.stepBytes` long, platform byte order, ready to be copied. */
  readonly step: Uint8Array;
  /** In the order of `plan.outputs`; to be filled in logical C order after the last kernel, from any segment. */
  readonly outputs: readonly HostArray[];
  /** When it aborts, stop before the next kernel and reject with AbortedError. It is not aborted at the call. */
  readonly signal: AbortSignal | undefined;
}

/** A plan bound to a session's memory. */
export interface PreparedPlan {
  /** Runs the plan once; the session never calls it while another call of any of its plans is under way. */
  execute(request: ExecuteRequest): Promise<void>;
}

interface NamedPlace extends PersistentPlace {
  readonly kind: PersistentEntry['kind'];
}

interface DerivedPlace extends PersistentPlace {
  readonly sources: readonly string[];
  stale: boolean;
}

/** Base class of all sessions; see the file's comment. Subclasses implement the abstract hooks and nothing else. */
export abstract class BaseSession implements Session {
  readonly backend: Backend;
  private readonly seed: number;
  private readonly limit: number;
  private readonly named = new Map<string, NamedPlace>();
  private readonly derived = new Map<string, DerivedPlace>();
  private persistentBytes = 0;
  private transientBytes = 0;
  private isDisposed = false;
  private tail: Promise<unknown> = Promise.resolve();
  private pending = 0;

  protected constructor(backend: Backend, options: SessionOptions = {}) {
    const { seed = 0, memoryLimitBytes = Infinity } = options;
    if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
      throw new ArgumentError('seed', 'an integer in 0..4294967295', seed);
    if (!(memoryLimitBytes > 0))
      throw new ArgumentError('memoryLimitBytes', 'a positive number of bytes', memoryLimitBytes);
    this.backend = backend;
    this.seed = seed;
    this.limit = memoryLimitBytes;
  }

  /**
   * Make the persistent segment at least `bytes` long. What lies in it keeps its contents and its address; the values of
   * one `load` all lie beyond the previous length. @throws OutOfMemoryError
   */
  protected abstract ensurePersistent(bytes: number): void | Promise<void>;
  /** Make the transient segment at least `bytes` long; its contents may be lost. @throws OutOfMemoryError */
  protected abstract ensureTransient(bytes: number): void | Promise<void>;
  /** Copy a host array (logical order) to its place in the persistent segment. */
  protected abstract copyIn(place: PersistentPlace, source: HostArray): void | Promise<void>;
  /** Copy from the persistent segment to a host array (logical order). */
  protected abstract copyOut(place: PersistentPlace, target: HostArray): void | Promise<void>;
  /**
   * Bind a plan.
   * @param offsets - for every entry of `plan.values` its byte offset in its segment; persistent ones are the session's,
   * all others equal the plan's own. The segments are long enough.
   */
  protected abstract prepare(plan: Plan, offsets: readonly number[]): PreparedPlan | Promise<PreparedPlan>;
  /** Bytes mapped beside the two segments, and resident bytes of all mappings where the system tells. */
  protected abstract measure(): Pick<SessionMemory, 'otherBytes' | 'residentBytes'>;
  /** Give all memory back. Called once, with nothing in flight. */
  protected abstract release(): void;

  get disposed(): boolean {
    return this.isDisposed;
  }

  load(plan: Plan): Promise<Executable> {
    return this.enqueue(() => this.loadNow(plan));
  }

  names(): readonly string[] {
    this.assertAlive();
    return [...this.named.keys()];
  }

  describe(name: string): { readonly shape: Shape; readonly dtype: DType; readonly kind: PersistentEntry['kind'] } {
    const { shape, dtype, kind } = this.find(name);
    return { shape, dtype, kind };
  }

  read(name: string): Promise<HostArray> {
    return this.enqueue(async () => {
      const place = this.find(name);
      const target = hostArray(place.dtype, elementCount(place.shape));
      await this.copyOut(place, target);
      return target;
    });
  }

  write(name: string, data: HostArray): Promise<void> {
    return this.enqueue(async () => {
      const place = this.find(name);
      checkArray(name, data, place.dtype, place.shape);
      this.touch([name]);
      await this.copyIn(place, data);
    });
  }

  memory(): SessionMemory {
    this.assertAlive();
    return { persistentBytes: this.persistentBytes, transientBytes: this.transientBytes, ...this.measure() };
  }

  /** Release all memory now, or as soon as what is in flight has ended; everything queued behind it is refused. */
  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    if (this.pending === 0) this.release();
    else void this.tail.then(() => this.release());
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private async loadNow(plan: Plan): Promise<Executable> {
    this.checkPlan(plan);
    const { alignment } = this.backend.profile;
    const align = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;
    let end = this.persistentBytes;
    const place = (value: PlanValue): PersistentPlace => {
      const at = { offset: end, dtype: value.dtype, shape: value.shape };
      end = align(end + value.bytes);
      return at;
    };
    const fresh: { entry: PersistentEntry; place: NamedPlace }[] = [];
    const freshDerived: [string, DerivedPlace][] = [];
    // Where the plan's own persistent offsets lie in this session; also covers the results of updates, which share them.
    const moved = new Map<number, number>();
    for (const entry of plan.persistent) {
      const value = plan.values[entry.value]!;
      const known = this.named.get(entry.name);
      if (known) checkSameType(plan, entry.name, known, value);
      else fresh.push({ entry, place: { ...place(value), kind: entry.kind } });
      moved.set(value.offset, (known ?? fresh.at(-1)!.place).offset);
    }
    for (const { name, value: id, sources } of plan.derived) {
      const value = plan.values[id]!;
      const known = this.derived.get(name);
      if (known) checkSameType(plan, name, known, value);
      else freshDerived.push([name, { ...place(value), sources, stale: true }]);
      moved.set(value.offset, (known ?? freshDerived.at(-1)![1]).offset);
    }
    const transient = Math.max(this.transientBytes, plan.memory.transientBytes);
    if (end + transient > this.limit) {
      throw new OutOfMemoryError(
        end + transient,
        this.limit,
        `plan "${plan.name}" does not fit the session's limit; use a smaller patch or batch, or a higher limit`,
      );
    }
    await this.ensurePersistent(end);
    await this.ensureTransient(transient);
    // Only now: a plan that does not fit leaves no gap behind, and what it got is used by the next one.
    this.persistentBytes = end;
    this.transientBytes = transient;
    for (const { entry, place: at } of fresh) {
      const data = hostArray(at.dtype, elementCount(at.shape));
      fillInitial(data, at.dtype, entry.init, this.seed, entry.name);
      await this.copyIn(at, data);
      this.named.set(entry.name, at);
    }
    for (const [name, at] of freshDerived) this.derived.set(name, at);
    const offsets = plan.values.map((value) =>
      value.segment === 'persistent'
        ? (moved.get(value.offset) ??
          internal(`"${value.name}" of plan "${plan.name}" lies at no named persistent value`))
        : value.offset,
    );
    const prepared = await this.prepare(plan, offsets);
    return { plan, run: (inputs, step, options) => this.run(plan, prepared, inputs, step ?? {}, options ?? {}) };
  }

  private async run(
    plan: Plan,
    prepared: PreparedPlan,
    inputs: Readonly<Record<string, HostArray>>,
    step: Readonly<Record<string, number>>,
    { into = {}, signal }: RunOptions,
  ): Promise<Record<string, HostArray>> {
    this.assertAlive();
    const given = plan.inputs.map(({ name, value }) => {
      const { dtype, shape } = plan.values[value]!;
      return checkArray(`inputs.${name}`, inputs[name], dtype, shape);
    });
    const block = encodeStep(plan, step);
    for (const name of Object.keys(into)) {
      if (!plan.outputs.some((o) => o.name === name)) {
        throw new ArgumentError(
          'into',
          `only outputs of plan "${plan.name}" (${plan.outputs.map((o) => o.name).join(', ') || 'none'})`,
          name,
        );
      }
    }
    const outputs = plan.outputs.map(({ name, value }) => {
      const { dtype, shape } = plan.values[value]!;
      const own = into[name];
      return own === undefined ? hostArray(dtype, elementCount(shape)) : checkArray(`into.${name}`, own, dtype, shape);
    });
    return this.enqueue(async () => {
      if (signal?.aborted) throw new AbortedError({ cause: signal.reason });
      const refresh = plan.derived.flatMap(({ name }, i) => (this.derived.get(name)!.stale ? [i] : []));
      let done = false;
      try {
        await prepared.execute({ refresh, inputs: given, step: block, outputs, signal });
        done = true;
      } finally {
        // A finished plan refreshed its own derived values after its updates; those of other plans are now stale.
        this.touch(plan.writes);
        for (const { name } of plan.derived) this.derived.get(name)!.stale = !done;
      }
      return Object.fromEntries(plan.outputs.map(({ name }, i) => [name, outputs[i]!]));
    });
  }

  /** Marks everything derived from these persistent values as stale. */
  private touch(names: readonly string[]): void {
    for (const place of this.derived.values()) {
      if (place.sources.some((source) => names.includes(source))) place.stale = true;
    }
  }

  private find(name: string): NamedPlace {
    this.assertAlive();
    const place = this.named.get(name);
    if (!place) throw new ArgumentError('name', 'a persistent value of this session (see names())', name);
    return place;
  }

  private checkPlan(plan: Plan): void {
    const { profile } = this.backend;
    if (plan.version !== PLAN_VERSION)
      throw new RevoxelError(
        'ERR_PLAN',
        `plan "${plan.name}" has version ${plan.version}, this package runs version ${PLAN_VERSION}; compile it again`,
      );
    if (plan.profile !== profile.name)
      throw new RevoxelError(
        'ERR_PLAN',
        `plan "${plan.name}" was compiled for "${plan.profile}", this session runs "${profile.name}"; compile it for the session's profile`,
      );
    if (plan.alignment !== profile.alignment)
      throw new RevoxelError(
        'ERR_PLAN',
        `plan "${plan.name}" has alignment ${plan.alignment}, this session needs ${profile.alignment}; compile it for the session's profile`,
      );
    const limits = { transient: plan.memory.transientBytes, step: plan.stepBytes, return: plan.returnBytes };
    const inside = (segment: keyof typeof limits, what: string, offset: number, bytes: number): void => {
      if (offset < 0 || offset + bytes > limits[segment])
        internal(
          `plan "${plan.name}": "${what}" ends at byte ${offset + bytes} of ${limits[segment]} in segment ${segment}`,
        );
    };
    for (const v of plan.values) if (v.segment !== 'persistent') inside(v.segment, v.name, v.offset, v.bytes);
    for (const c of plan.calls) inside('transient', c.name, c.scratch.offset, c.scratch.bytes);
    for (const { call: c } of plan.derived) inside('transient', c.name, c.scratch.offset, c.scratch.bytes);
  }

  private assertAlive(): void {
    if (this.isDisposed) throw new DisposedError('session');
  }

  /** Runs `work` after everything asked for before it. */
  private enqueue<T>(work: () => T | Promise<T>): Promise<T> {
    this.pending++;
    const result = this.tail.then(() => {
      this.assertAlive();
      return work();
    });
    this.tail = result.then(
      () => void this.pending--,
      () => void this.pending--,
    );
    return result;
  }
}

function checkSameType(plan: Plan, name: string, known: PersistentPlace, value: PlanValue): void {
  if (known.dtype === value.dtype && sameShape(known.shape, value.shape)) return;
  const text = (dtype: DType, shape: Shape): string => `${dtype} [${shape.join(', ')}]`;
  throw new RevoxelError(
    'ERR_PLAN',
    `plan "${plan.name}" has "${name}" as ${text(value.dtype, value.shape)}, the session as ${text(known.dtype, known.shape)}; use one session per network`,
  );
}

/** @returns `data`, if it is the right array for a value. */
function checkArray(name: string, data: unknown, dtype: DType, shape: Shape): HostArray {
  const length = elementCount(shape);
  if (!isHostArray(dtype, data) || data.length !== length) {
    const type = hostArray(dtype, 0).constructor.name;
    throw new ArgumentError(name, `a ${type} of ${length} elements (${dtype} [${shape.join(', ')}])`, data);
  }
  return data;
}

function encodeStep(plan: Plan, step: Readonly<Record<string, number>>): Uint8Array {
  const block = new DataView(new ArrayBuffer(plan.stepBytes));
  const little = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  for (const { name, value: id } of plan.step) {
    const { dtype, offset } = plan.values[id]!;
    const value = step[name];
    if (dtype === 'u32') {
      if (!Number.isInteger(value) || value! < 0 || value! >= 2 ** 32)
        throw new ArgumentError(`step.${name}`, 'an integer in 0..4294967295', value);
      block.setUint32(offset, value!, little);
    } else {
      if (elementBytes(dtype) !== 4 || dtype !== 'f32') internal(`step scalar "${name}" has dtype ${dtype}`);
      if (typeof value !== 'number' || Number.isNaN(value)) throw new ArgumentError(`step.${name}`, 'a number', value);
      block.setFloat32(offset, value, little);
    }
  }
  return new Uint8Array(block.buffer);
}
