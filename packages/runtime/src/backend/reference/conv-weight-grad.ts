/** Reference loop of `convWeightGrad`: one float64 sum over samples and voxels per weight. */

import type { KernelOf } from '../kernel.js';
import { at, eachVoxel, joinPieces, triple, volume } from './loops.js';

export const convWeightGradKernel: KernelOf<'convWeightGrad'> = {
  run({ attrs: a, inputs, outputs }) {
    const x = joinPieces(inputs.slice(0, a.pieces));
    const dy = inputs[a.pieces]!;
    const ys = volume(dy.shape);
    const dw = outputs[0]!.data;
    const kernel = triple(a.kernel, 1);
    const stride = triple(a.stride, 1);
    const pad = triple(a.padBefore, 0);
    const dilation = triple(a.dilation, 1);
    const inGroup = x.shape.c / a.groups;
    const outGroup = ys.c / a.groups;
    const [d, h, width] = x.shape.size;
    for (let o = 0; o < ys.c; o++) {
      const firstChannel = Math.floor(o / outGroup) * inGroup;
      eachVoxel(kernel, (kz, ky, kx) => {
        const sums = new Float64Array(inGroup);
        for (let n = 0; n < ys.n; n++) {
          eachVoxel(ys.size, (z, yy, xx) => {
            const sz = z * stride[0] - pad[0] + kz * dilation[0];
            const sy = yy * stride[1] - pad[1] + ky * dilation[1];
            const sx = xx * stride[2] - pad[2] + kx * dilation[2];
            if (sz < 0 || sz >= d || sy < 0 || sy >= h || sx < 0 || sx >= width) return;
            const grad = dy.data[at(ys, n, o, z, yy, xx)]!;
            const from = at(x.shape, n, firstChannel, sz, sy, sx);
            for (let i = 0; i < inGroup; i++) sums[i]! += grad * x.data[from + i]!;
          });
        }
        dw.set(sums, (((o * kernel[0] + kz) * kernel[1] + ky) * kernel[2] + kx) * inGroup);
      });
    }
    const db = outputs[1]?.data;
    if (db) {
      const sums = new Float64Array(ys.c);
      dy.data.forEach((grad, i) => (sums[i % ys.c]! += grad));
      db.set(sums);
    }
  },
};
