/** Reference loop of `convTranspose`: every element of y is scattered through the kernel into a float64 array. */

import { internal } from '../../errors.js';
import type { KernelOf } from '../kernel.js';
import { at, eachVoxel, triple, volume } from './loops.js';

export const convTransposeKernel: KernelOf<'convTranspose'> = {
  run({ attrs: a, inputs, outputs }) {
    if (a.form !== 'plain') internal('the reference reads plain weights');
    const y = inputs[0]!;
    const w = inputs[1]!.data;
    const out = outputs[0]!;
    const ys = volume(y.shape);
    const xs = volume(out.shape);
    const kernel = triple(a.kernel, 1);
    const stride = triple(a.stride, 1);
    const pad = triple(a.padBefore, 0);
    const dilation = triple(a.dilation, 1);
    const inGroup = a.inChannels / a.groups;
    const outGroup = ys.c / a.groups;
    const sums = new Float64Array(out.data.length);
    if (a.bias) for (let i = 0; i < sums.length; i++) sums[i] = inputs[2]!.data[i % xs.c]!;
    for (let n = 0; n < ys.n; n++) {
      for (let o = 0; o < ys.c; o++) {
        const firstChannel = Math.floor(o / outGroup) * inGroup;
        eachVoxel(ys.size, (z, yy, xx) => {
          const value = y.data[at(ys, n, o, z, yy, xx)]!;
          eachVoxel(kernel, (kz, ky, kx) => {
            const qz = z * stride[0] - pad[0] + kz * dilation[0];
            const qy = yy * stride[1] - pad[1] + ky * dilation[1];
            const qx = xx * stride[2] - pad[2] + kx * dilation[2];
            const [d, h, width] = xs.size;
            if (qz < 0 || qz >= d || qy < 0 || qy >= h || qx < 0 || qx >= width) return;
            const weights = (((o * kernel[0] + kz) * kernel[1] + ky) * kernel[2] + kx) * inGroup;
            for (let i = 0; i < inGroup; i++) {
              const channel = firstChannel + i - a.channelBegin;
              if (channel >= 0 && channel < a.channelCount)
                sums[at(xs, n, channel, qz, qy, qx)]! += value * w[weights + i]!;
            }
          });
        });
      }
    }
    out.data.set(sums);
  },
};
