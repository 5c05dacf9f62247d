/** The rule of `lossScaleUpdate`. Results lie where the operands lie: all is read before anything is written. */

import { LOSS_SCALE } from '../../ops/loss-scale-update.js';
import type { KernelOf } from '../kernel.js';

export const lossScaleUpdateKernel: KernelOf<'lossScaleUpdate'> = {
  run({ attrs: { interval, limit }, inputs, outputs }) {
    const [old, good, squares] = [inputs[0]!.data[0]!, inputs[1]!.data[0]!, inputs[2]!.data[0]!];
    const finite = Number.isFinite(squares);
    let scale = finite ? old : Math.max(old / 2, LOSS_SCALE.least);
    let streak = finite ? good + 1 : 0;
    if (streak >= interval) {
      scale = Math.min(2 * scale, LOSS_SCALE.most);
      streak = 0;
    }
    const norm = finite ? Math.sqrt(squares) / old : old > LOSS_SCALE.least ? 0 : squares;
    const bound = limit > 0 ? Math.min(1, limit / (norm + LOSS_SCALE.epsilon)) : 1;
    outputs[0]!.data[0] = scale;
    outputs[1]!.data[0] = streak;
    outputs[2]!.data[0] = norm;
    outputs[3]!.data[0] = finite ? bound / old : -1;
  },
};
