/** The reference has no packed form: its profile never asks for one, and this copies the plain weights. */

import { internal } from '../../errors.js';
import type { KernelOf } from '../kernel.js';

export const packWeightsKernel: KernelOf<'packWeights'> = {
  run({ inputs, outputs }) {
    const [w, packed] = [inputs[0]!.data, outputs[0]!.data];
    if (w.length !== packed.length)
      internal(`the reference packs ${w.length} weights as they are, not as ${packed.length} numbers`);
    packed.set(w);
  },
};
