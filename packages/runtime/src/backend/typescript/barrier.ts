/**
 * The meeting point of the workers of one session, on shared memory: nobody passes until all have arrived, and all
 * leave with the same decision whether to go on. The last one to arrive takes the decision, so that a flag raised while
 * others are still leaving cannot split them.
 */

const ARRIVED = 0;
const GENERATION = 1;
const ABORT = 2;
const FAILED = 3;
const DECISION = 4;
const WORDS = 5;

/** Loads of the generation before a worker goes to sleep: a few microseconds, the length of a small kernel. */
const SPINS = 2000;

export type Decision = 'go' | 'abort' | 'failed';
const DECISIONS: readonly Decision[] = ['go', 'abort', 'failed'];

export class Barrier {
  private readonly words: Int32Array;

  /** @param shared - memory made by `Barrier.allocate`. */
  constructor(
    shared: SharedArrayBuffer,
    private readonly parts: number,
  ) {
    this.words = new Int32Array(shared);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT);
  }

  /** Forget the flags of the run before; nobody may be inside. */
  reset(): void {
    this.words.fill(0);
  }

  /** Ask for a stop at the next meeting. */
  abort(): void {
    Atomics.store(this.words, ABORT, 1);
  }

  /** Tell the others that this worker failed. */
  fail(): void {
    Atomics.store(this.words, FAILED, 1);
  }

  /** Wait for all others. */
  meet(): Decision {
    const { words } = this;
    const generation = Atomics.load(words, GENERATION);
    if (Atomics.add(words, ARRIVED, 1) === this.parts - 1) {
      Atomics.store(words, ARRIVED, 0);
      Atomics.store(words, DECISION, Atomics.load(words, FAILED) ? 2 : Atomics.load(words, ABORT) ? 1 : 0);
      Atomics.add(words, GENERATION, 1);
      if (this.parts > 1) Atomics.notify(words, GENERATION);
    } else {
      for (let i = 0; i < SPINS && Atomics.load(words, GENERATION) === generation; i++);
      while (Atomics.load(words, GENERATION) === generation) Atomics.wait(words, GENERATION, generation);
    }
    return DECISIONS[Atomics.load(words, DECISION)]!;
  }
}
