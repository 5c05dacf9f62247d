/**
 * Initial values of parameters: pure functions of (seed, parameter name, element index), so that they depend neither
 * on the backend nor on the order of declarations. Not for random numbers inside a step (see `ops/dropout`).
 *
 * Element i in logical order takes word i % 4 of the Philox block with counter (low and high word of floor(i / 4), 0, 1)
 * and key (seed, nameKey(name)). The last counter word keeps these draws apart from those of a step, where it is 0.
 * @see Box and Muller 1958 for the normal numbers
 */

import { internal } from '../errors.js';
import { isHostArray, toElement, type DType, type HostArray } from '../graph/dtype.js';
import type { Initializer } from '../graph/initializer.js';
import { nameKey, philox4x32 } from './philox.js';

const TWO_POW_32 = 2 ** 32;
const INITIAL_VALUES = 1;

/**
 * Fill `target` (logical C order) with the initial values of the persistent value `name`.
 *
 * Normal numbers come in pairs by Box-Muller in float64 from words (0, 1) and (2, 3) of a block; uniform numbers from
 * one word each. Both are rounded to the dtype at the store.
 * @param seed - u32.
 */
export function fillInitial(target: HostArray, dtype: DType, init: Initializer, seed: number, name: string): void {
  if (!isHostArray(dtype, target)) internal(`fillInitial was given the wrong array for ${dtype}`);
  const store = (i: number, value: number): void => {
    target[i] = toElement(dtype, value);
  };
  switch (init.kind) {
    case 'constant':
      target.fill(toElement(dtype, init.value));
      return;
    case 'uniform':
      eachBlock(target.length, seed, name, (words, i, n) => {
        for (let j = 0; j < n; j++) store(i + j, init.low + ((init.high - init.low) * (words[j]! + 0.5)) / TWO_POW_32);
      });
      return;
    case 'normal':
      eachBlock(target.length, seed, name, (words, i, n) => {
        for (let j = 0; j < n; j += 2) {
          const radius = init.std * Math.sqrt(-2 * Math.log((words[j]! + 0.5) / TWO_POW_32));
          const angle = (2 * Math.PI * words[j + 1]!) / TWO_POW_32;
          store(i + j, radius * Math.cos(angle));
          if (j + 1 < n) store(i + j + 1, radius * Math.sin(angle));
        }
      });
      return;
    default:
      init satisfies never;
  }
}

/** Calls `visit(words, first element, elements)` for every block of four elements. */
function eachBlock(
  length: number,
  seed: number,
  name: string,
  visit: (words: Uint32Array, first: number, count: number) => void,
): void {
  const key = nameKey(name);
  const words = new Uint32Array(4);
  for (let i = 0, block = 0; i < length; i += 4, block++) {
    philox4x32(words, block >>> 0, Math.floor(block / TWO_POW_32), 0, INITIAL_VALUES, seed, key);
    visit(words, i, Math.min(4, length - i));
  }
}
