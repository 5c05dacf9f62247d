/** Reference loop of `pool`. */

import type { AttrsOf } from '../../ops/schema.js';
import type { OpTable } from '../../ops/registry.js';
import type { KernelOf } from '../kernel.js';
import { at, eachVoxel, triple, volume, type Volume } from './loops.js';

/** Calls `visit` with the offset of every element of a window that lies inside x, in D, H, W order. */
export function eachInWindow(
  a: AttrsOf<OpTable['pool']['attrs']>,
  xs: Volume,
  n: number,
  c: number,
  [z, y, x]: readonly [number, number, number],
  visit: (offset: number) => void,
): void {
  const stride = triple(a.stride, 1);
  const pad = triple(a.padBefore, 0);
  eachVoxel(triple(a.kernel, 1), (kz, ky, kx) => {
    const sz = z * stride[0] - pad[0] + kz;
    const sy = y * stride[1] - pad[1] + ky;
    const sx = x * stride[2] - pad[2] + kx;
    if (sz >= 0 && sz < xs.size[0] && sy >= 0 && sy < xs.size[1] && sx >= 0 && sx < xs.size[2])
      visit(at(xs, n, c, sz, sy, sx));
  });
}

export const poolKernel: KernelOf<'pool'> = {
  run({ attrs: a, inputs, outputs }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const [xs, ys] = [volume(x.shape), volume(y.shape)];
    const taps = a.kernel.reduce((product, k) => product * k, 1);
    for (let n = 0; n < ys.n; n++) {
      for (let c = 0; c < ys.c; c++) {
        eachVoxel(ys.size, (z, yy, xx) => {
          let best = -Infinity;
          let sum = 0;
          let count = 0;
          eachInWindow(a, xs, n, c, [z, yy, xx], (i) => {
            best = Math.max(best, x.data[i]!);
            sum += x.data[i]!;
            count++;
          });
          y.data[at(ys, n, c, z, yy, xx)] = a.kind === 'max' ? best : sum / (a.countPadding ? taps : count);
        });
      }
    }
  },
};
