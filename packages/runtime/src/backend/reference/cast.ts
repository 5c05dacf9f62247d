/** Reference loop of `cast`. To bf16 and f16 the executor rounds; to integers this does. */

import type { DType } from '../../graph/dtype.js';
import type { KernelOf } from '../kernel.js';

const RANGES: Readonly<Record<DType, readonly [low: number, high: number] | undefined>> = {
  f32: undefined,
  bf16: undefined,
  f16: undefined,
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  u8: [0, 255],
  q16: [-(2 ** 15), 2 ** 15 - 1],
  q32: [-(2 ** 31), 2 ** 31 - 1],
};

/** The number as an element of a dtype holds it: integers are rounded to nearest even and clamped, NaN gives 0. */
export function converted(value: number, to: DType): number {
  const range = RANGES[to];
  if (!range) return value;
  if (Number.isNaN(value)) return 0;
  const low = Math.floor(value);
  const rest = value - low;
  const rounded = rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low;
  return Math.min(Math.max(rounded, range[0]), range[1]);
}

export const castKernel: KernelOf<'cast'> = {
  run({ attrs: { to }, inputs, outputs }) {
    const [x, y] = [inputs[0]!.data, outputs[0]!.data];
    for (let i = 0; i < y.length; i++) y[i] = converted(x[i]!, to);
  },
};
