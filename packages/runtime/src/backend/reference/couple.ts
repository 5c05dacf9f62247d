/** Reference loop of `couple`. */

import type { HostArray } from '../../graph/dtype.js';
import type { KernelOf } from '../kernel.js';
import { AddStats, fixedOf, onGrid, wrapped } from './fixed-point.js';

const MIXER = 0x2c1b3c6d;

/** Two sums over the elements in memory order, modulo 2^32. */
function checksumOf(k: HostArray): [number, number] {
  let [plain, mixed] = [0, 0];
  for (let i = 0; i < k.length; i++) {
    plain = (plain + Math.imul(k[i]!, 2 * i + 1)) >>> 0;
    mixed = (mixed + Math.imul(k[i]!, Math.imul(i ^ (i >>> 15), MIXER) | 1)) >>> 0;
  }
  return [plain, mixed];
}

export const coupleKernel: KernelOf<'couple'> = {
  run({ attrs: { direction, checksum }, inputs, outputs }) {
    const [k, f] = [inputs[0]!.data, inputs[1]!.data];
    const exponent = inputs[2]!.data[0]!;
    const result = outputs[0]!.data;
    const dtype = fixedOf(inputs[0]!.dtype);
    const stats = new AddStats(dtype, exponent);
    // The result may lie where k lies.
    const before = checksum === 'input' ? checksumOf(k) : [0, 0];
    for (let i = 0; i < k.length; i++) {
      const q = onGrid(f[i]!, exponent, dtype);
      const sum = wrapped(direction === 'add' ? k[i]! + q : k[i]! - q, dtype);
      result[i] = sum;
      if (direction === 'add') stats.add(sum, f[i]!);
    }
    stats.store(outputs[1]!);
    outputs[2]!.data.set(checksum === 'output' ? checksumOf(result) : before);
  },
};
