/** Kernel of `orthogonalGrad`, in float64. */

import { orthogonalGradient } from '../../linalg/orthogonal.js';
import type { KernelOf } from '../kernel.js';
import { rowOf, storeRow } from './orthogonal.js';

export const orthogonalGradKernel: KernelOf<'orthogonalGrad'> = {
  run({ attrs: { kind, size }, inputs, outputs }) {
    const [w, dq, dw] = [inputs[0]!, inputs[1]!, outputs[0]!];
    for (let c = 0; c < w.shape[0]!; c++) storeRow(dw, c, orthogonalGradient(kind, rowOf(w, c), rowOf(dq, c), size));
  },
};
