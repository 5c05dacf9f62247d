/**
 * numpy's legacy generator (`RandomState`): MT19937, bounded integers by mask and rejection, shuffle, choice.
 *
 * Only for what must agree with nnU-Net to the index: the folds and the intensity sample. Everything else is random.ts.
 *
 * Sources: Matsumoto and Nishimura 1998, doi 10.1145/272991.272995; numpy's documented stream compatibility (NEP 19).
 */
import { DataArgumentError } from './errors.js';

const N = 624;
const M = 397;

/** The generator that numpy's `RandomState(seed)` gives for an integer seed. */
export class Mt19937 {
  readonly #state = new Uint32Array(N);
  #at = N;

  /** @param seed - 0 to 2^32 - 1. */
  constructor(seed: number) {
    if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)) {
      throw new DataArgumentError('seed', 'an integer from 0 to 2^32 - 1', seed);
    }
    const s = this.#state;
    s[0] = seed;
    for (let i = 1; i < N; i++) s[i] = Math.imul(1812433253, s[i - 1]! ^ (s[i - 1]! >>> 30)) + i;
  }

  /** The next word, 0 to 2^32 - 1. */
  word(): number {
    if (this.#at === N) this.#refill();
    let y = this.#state[this.#at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** An integer from 0 to `max`, both included; `max` below 2^32. */
  bounded(max: number): number {
    if (max === 0) return 0;
    let mask = max;
    mask |= mask >>> 1;
    mask |= mask >>> 2;
    mask |= mask >>> 4;
    mask |= mask >>> 8;
    mask |= mask >>> 16;
    for (;;) {
      const value = (this.word() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** The integers 0 to `count - 1` in the order of `permutation(count)`. */
  permutation(count: number): number[] {
    const order = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.bounded(i);
      const kept = order[i]!;
      order[i] = order[j]!;
      order[j] = kept;
    }
    return order;
  }

  #refill(): void {
    const s = this.#state;
    for (let i = 0; i < N; i++) {
      const y = (s[i]! & 0x80000000) | (s[(i + 1) % N]! & 0x7fffffff);
      s[i] = s[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#at = 0;
  }
}
