/** Reference loop of `poolGrad`. */

import type { KernelOf } from '../kernel.js';
import { at, eachVoxel, volume } from './loops.js';
import { eachInWindow } from './pool.js';

export const poolGradKernel: KernelOf<'poolGrad'> = {
  run({ attrs: a, inputs, outputs }) {
    const [x, dy] = [inputs[0]!, inputs[1]!];
    const [xs, ys] = [volume(x.shape), volume(dy.shape)];
    const taps = a.kernel.reduce((product, k) => product * k, 1);
    const sums = new Float64Array(x.data.length);
    for (let n = 0; n < ys.n; n++) {
      for (let c = 0; c < ys.c; c++) {
        eachVoxel(ys.size, (z, yy, xx) => {
          const grad = dy.data[at(ys, n, c, z, yy, xx)]!;
          const window: number[] = [];
          eachInWindow(a, xs, n, c, [z, yy, xx], (i) => window.push(i));
          if (a.kind === 'avg') {
            for (const i of window) sums[i]! += grad / (a.countPadding ? taps : window.length);
            return;
          }
          let winner = window[0]!;
          // A NaN is what the forward pass returned, so it takes the gradient.
          for (const i of window)
            if (x.data[i]! > x.data[winner]! || (Number.isNaN(x.data[i]!) && !Number.isNaN(x.data[winner]!)))
              winner = i;
          sums[winner]! += grad;
        });
      }
    }
    outputs[0]!.data.set(sums);
  },
};
