/** Reorder axes: axis i of the result is axis axes[i] of the operand. */

import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { axes: 'ints' } as const satisfies AttrSchema;

function inverse(axes: readonly number[]): number[] {
  const back = new Array<number>(axes.length);
  axes.forEach((a, i) => (back[a] = i));
  return back;
}

export const permuteOp: OpDefinition<typeof attrs> = {
  name: 'permute',
  attrs,
  infer({ inputs, attrs: { axes }, fail }) {
    const x = inputs[0]!;
    if (axes.length !== x.shape.length || [...axes].sort((a, b) => a - b).some((a, i) => a !== i)) {
      fail(`axes [${axes.join(', ')}] must be a permutation of the ${x.shape.length} axes`);
    }
    return [{ shape: axes.map((a) => x.shape[a]!), dtype: x.dtype }];
  },
  gradient: ({ grads, attrs: { axes } }) => [permute(grads[0]!, inverse(axes))],
  recover: (_index, { axes }) => ({ exact: true, stream: true, emit: ([y]) => permute(y!, inverse(axes)) }),
  flops: () => 0,
};

/** Reorder axes: axis i of the result is axis `axes[i]` of x. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  return x.graph.emit('permute', [x], { axes })[0]!;
}
