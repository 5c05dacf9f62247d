/**
 * Counter-based random numbers: streams keyed by (seed, step, sample, stream) over the runtime's Philox4x32-10.
 *
 * A stream is a pure function of its key, so a batch has the same bits whichever worker makes it, in whatever order, and
 * a resumed run goes on exactly where the first one stopped. Not for cryptography, and not numpy's generator: that one
 * (mt19937.ts) is here only for splits and statistics that must agree with nnU-Net's.
 *
 * Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011), doi 10.1145/2063384.2063405.
 */
import { philox4x32 } from '@revoxel/runtime';
import { DataArgumentError } from './errors.js';

/** What a stream of random numbers belongs to. */
export interface RandomKey {
  /** Seed of the run, an integer from 0 to 2^53 - 1. */
  readonly seed: number;
  /** Training step, 0 to 2^32 - 1. Default 0. */
  readonly step?: number;
  /** Index within the batch, or of the case, 0 to 2^32 - 1. Default 0. */
  readonly sample?: number;
  /** What is drawn, one number per purpose, 0 to 2^32 - 1. Default 0. */
  readonly stream?: number;
}

/** Random numbers in order from one key. Two instances with one key give the same numbers. */
export class Random {
  readonly #key: readonly [number, number];
  readonly #counter: Uint32Array;
  readonly #block = new Uint32Array(4);
  #used = 4;
  #spare = Number.NaN;

  /**
   * @param key - what the numbers belong to.
   * @throws DataArgumentError when a part of the key is out of range.
   */
  constructor(key: RandomKey) {
    const { seed, step = 0, sample = 0, stream = 0 } = key;
    if (!(Number.isSafeInteger(seed) && seed >= 0))
      throw new DataArgumentError('seed', 'an integer from 0 to 2^53 - 1', seed);
    for (const [name, value] of Object.entries({ step, sample, stream })) {
      if (!(Number.isInteger(value) && value >= 0 && value < 2 ** 32)) {
        throw new DataArgumentError(name, 'an integer from 0 to 2^32 - 1', value);
      }
    }
    this.#key = [seed >>> 0, Math.floor(seed / 2 ** 32)];
    // Word 0 counts blocks: 2^34 words before a stream would repeat.
    this.#counter = Uint32Array.of(0, stream, sample, step);
  }

  /** The next word, 0 to 2^32 - 1. */
  word(): number {
    if (this.#used === 4) {
      const [block, stream, sample, step] = this.#counter as unknown as [number, number, number, number];
      philox4x32(this.#block, block, stream, sample, step, this.#key[0], this.#key[1]);
      this.#counter[0]!++;
      this.#used = 0;
    }
    return this.#block[this.#used++]!;
  }

  /** A number from [low, high), 32 bits of resolution. Defaults 0 and 1. */
  uniform(low = 0, high = 1): number {
    return low + (this.word() / 2 ** 32) * (high - low);
  }

  /** True with the given probability; 0 never, 1 always. */
  chance(probability: number): boolean {
    return this.word() / 2 ** 32 < probability;
  }

  /**
   * An integer from 0 to `count - 1`, each equally likely (53 bits are spread over the range: the bias is below 2^-20 for
   * 2^33 values).
   *
   * @throws DataArgumentError when `count` is not a positive integer.
   */
  integer(count: number): number {
    if (!(Number.isSafeInteger(count) && count >= 1)) throw new DataArgumentError('count', 'a positive integer', count);
    const high = this.word() >>> 5;
    const low = this.word() >>> 6;
    return Math.floor(((high * 2 ** 26 + low) / 2 ** 53) * count);
  }

  /** A number from the standard normal distribution (Box and Muller; pairs are used up in order). */
  normal(): number {
    if (!Number.isNaN(this.#spare)) {
      const value = this.#spare;
      this.#spare = Number.NaN;
      return value;
    }
    // 1 - u lies in (0, 1], so the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - this.word() / 2 ** 32));
    const angle = (2 * Math.PI * this.word()) / 2 ** 32;
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /**
   * `count` of the integers 0 to `population - 1`, without replacement, in random order.
   *
   * Memory is proportional to `count`, whatever the population (a sparse Fisher-Yates shuffle).
   *
   * @throws DataArgumentError when `count` exceeds `population`.
   */
  choose(population: number, count: number): Float64Array {
    if (!(count >= 0 && count <= population)) throw new DataArgumentError('count', `0 to ${population}`, count);
    const moved = new Map<number, number>();
    const out = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const j = i + this.integer(population - i);
      out[i] = moved.get(j) ?? j;
      moved.set(j, moved.get(i) ?? i);
    }
    return out;
  }
}
