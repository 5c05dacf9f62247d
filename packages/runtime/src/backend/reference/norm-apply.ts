/** Reference loop of `normApply`: the last pass of `norm` and `normAct`, from statistics that are given. */

import type { KernelOf } from '../kernel.js';
import { applyNorm } from './norm.js';

export const normApplyKernel: KernelOf<'normApply'> = {
  run({ attrs, inputs, outputs }) {
    const [x, gamma, beta, mean, rstd, exponent] = inputs;
    applyNorm(attrs, attrs.slope, {
      x: x!,
      gamma: gamma!,
      beta: beta!,
      mean: mean!,
      rstd: rstd!,
      exponent,
      y: outputs[0]!,
    });
  },
};
