/** Reference loop of `conv`: every product of the definition, summed in float64. */

import { internal } from '../../errors.js';
import type { KernelOf } from '../kernel.js';
import { at, eachVoxel, joinPieces, triple, volume } from './loops.js';

export const convKernel: KernelOf<'conv'> = {
  run({ attrs: a, inputs, outputs }) {
    if (a.form !== 'plain') internal('the reference reads plain weights');
    const x = joinPieces(inputs.slice(0, a.pieces));
    const w = inputs[a.pieces]!.data;
    const bias = a.bias ? inputs[a.pieces + 1]!.data : undefined;
    const y = outputs[0]!;
    const ys = volume(y.shape);
    const kernel = triple(a.kernel, 1);
    const stride = triple(a.stride, 1);
    const pad = triple(a.padBefore, 0);
    const dilation = triple(a.dilation, 1);
    const inGroup = x.shape.c / a.groups;
    const outGroup = a.outChannels / a.groups;
    for (let n = 0; n < ys.n; n++) {
      for (let o = 0; o < a.outChannels; o++) {
        const firstChannel = Math.floor(o / outGroup) * inGroup;
        eachVoxel(ys.size, (z, yy, xx) => {
          let sum = bias ? bias[o]! : 0;
          eachVoxel(kernel, (kz, ky, kx) => {
            const sz = z * stride[0] - pad[0] + kz * dilation[0];
            const sy = yy * stride[1] - pad[1] + ky * dilation[1];
            const sx = xx * stride[2] - pad[2] + kx * dilation[2];
            const [d, h, width] = x.shape.size;
            if (sz < 0 || sz >= d || sy < 0 || sy >= h || sx < 0 || sx >= width) return;
            const from = at(x.shape, n, firstChannel, sz, sy, sx);
            const weights = (((o * kernel[0] + kz) * kernel[1] + ky) * kernel[2] + kx) * inGroup;
            for (let i = 0; i < inGroup; i++) sum += x.data[from + i]! * w[weights + i]!;
          });
          y.data[at(ys, n, o, z, yy, xx)] = sum;
        });
      }
    }
  },
};
