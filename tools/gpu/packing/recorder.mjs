/**
 * A backend that runs nothing: it writes down what a session asks of the native side, in order, so that another program
 * can ask the same of the C library (native/core/c-api.h). Whatever a real session does about places of persistent
 * values, initial values and stale derived ones is thereby done, not imitated.
 */
import { AddonSession, encodePlan } from '@revoxel/runtime';

/**
 * One step of a script:
 *   ["ensure", persistent bytes, transient bytes]
 *   ["load", words]                                       its number is the count of loads before it
 *   ["write", offset, shape, bytes an element, array]     array null: left to the reader of the script
 *   ["run", plan, refresh, inputs, step block in hex, bytes of every output]
 *   ["read", offset, shape, bytes an element, bytes]
 * words, arrays and inputs are names in the store.
 */
class RecordedNative {
  script = [];
  #plans = 0;

  constructor(store, keepsWrites) {
    this.store = store;
    this.keepsWrites = keepsWrites;
  }

  async ensure(persistent, transient) {
    this.script.push(['ensure', persistent, transient]);
  }

  async load(words) {
    this.script.push(['load', this.store.add(new Uint8Array(words))]);
    return this.#plans++;
  }

  async run(plan, refresh, inputs, step, outputs) {
    const given = inputs.map((array) => this.store.add(array));
    const sizes = outputs.map((array) => array.byteLength);
    this.script.push(['run', plan, [...refresh], given, Buffer.from(step).toString('hex'), sizes]);
  }

  stop() {}

  async copyIn(offset, shape, source) {
    const kept = this.keepsWrites ? this.store.add(source) : null;
    this.script.push(['write', offset, [...shape], source.BYTES_PER_ELEMENT, kept]);
  }

  async copyOut(offset, shape, target) {
    this.script.push(['read', offset, [...shape], target.BYTES_PER_ELEMENT, target.byteLength]);
  }

  memory() {
    return { persistent: 0, transient: 0, blocks: 0, resident: undefined };
  }

  async timings() {
    return { runs: 0, seconds: new Float64Array(0) };
  }

  dispose() {}
}

class RecordedSession extends AddonSession {
  /** Byte offsets of the values of every plan loaded, as this session places them. */
  offsets = new Map();

  constructor(backend, native, options) {
    super(backend, native, options);
    this.recorded = native;
  }

  /** @override */
  prepare(plan, offsets) {
    this.offsets.set(plan, offsets);
    return super.prepare(plan, offsets);
  }

  get script() {
    return this.recorded.script;
  }
}

/**
 * A backend for a profile whose sessions have a `script`.
 *
 * @param {boolean} keepsWrites - store the arrays that are written; without it only their places are noted.
 */
export function createRecorder(profile, store, keepsWrites = true) {
  const backend = {
    name: 'recorder',
    profile,
    facts: { device: 'none', threads: profile.threads, memoryBytes: 0, details: {} },
    /** @type {RecordedSession[]} */
    sessions: [],
    async createSession(options) {
      const session = new RecordedSession(backend, new RecordedNative(store, keepsWrites), options);
      backend.sessions.push(session);
      return session;
    },
  };
  return backend;
}

/**
 * A plan as a session that holds nothing else places it, without its initial values.
 *
 * @returns words of the plan, words of a twin that has the same inputs and outputs and no calls (so that the time of
 *   transfers can be measured alone), and the plan's places.
 */
export async function placePlan(plan, profile, store) {
  const session = await createRecorder(profile, store, false).createSession();
  // Initial values are not part of the script; drawing them for nothing takes longer than everything else.
  const blank = { ...plan, persistent: plan.persistent.map((p) => ({ ...p, init: { kind: 'constant', value: 0 } })) };
  await session.load(blank);
  const offsets = session.offsets.get(blank);
  const words = (p) => store.add(new Uint8Array(encodePlan(p, offsets)));
  const [persistentBytes, transientBytes] = ['1', '2'].map((i) =>
    session.script.reduce((top, step) => (step[0] === 'ensure' ? Math.max(top, step[Number(i)]) : top), 0),
  );
  return {
    words: words(plan),
    transfers: words({ ...plan, calls: [], derived: [] }),
    persistentBytes,
    transientBytes,
    offsets,
  };
}
