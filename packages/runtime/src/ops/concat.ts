/** Join tensors along one axis. Convolutions take lists of pieces instead (see `conv`); this is for everything else. */

import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';
import { slice } from './slice.js';

const attrs = { axis: 'int' } as const satisfies AttrSchema;

export const concatOp: OpDefinition<typeof attrs> = {
  name: 'concat',
  attrs,
  onePass: true,
  infer({ inputs, attrs: { axis }, fail }) {
    const first = inputs[0];
    if (!first) return fail('expects at least one operand');
    if (axis < 0 || axis >= first.shape.length) fail(`axis ${axis} is not in 0..${first.shape.length - 1}`);
    for (const t of inputs) {
      if (t.dtype !== first.dtype) fail(`operands have dtypes ${first.dtype} and ${t.dtype}`);
      if (t.shape.length !== first.shape.length || t.shape.some((s, i) => i !== axis && s !== first.shape[i])) {
        fail(`operands must agree in all axes but ${axis}`);
      }
    }
    const size = inputs.reduce((n, t) => n + t.shape[axis]!, 0);
    return [{ shape: first.shape.map((s, i) => (i === axis ? size : s)), dtype: first.dtype }];
  },
  gradient({ inputs, grads, attrs: { axis }, needs }) {
    let begin = 0;
    return inputs.map((t, i) => {
      const start = t.shape.map((_, a) => (a === axis ? begin : 0));
      begin += t.shape[axis]!;
      return needs[i] ? slice(grads[0]!, start, t.shape) : null;
    });
  },
  recover(index, { axis }, inputs) {
    const start = inputs[index]!.shape.map((_, a) =>
      a === axis ? inputs.slice(0, index).reduce((sum, t) => sum + t.shape[axis]!, 0) : 0,
    );
    return { exact: true, stream: true, inputs: [], emit: ([y]) => slice(y!, start, inputs[index]!.shape) };
  },
  flops: () => 0,
};

/** Join along `axis`. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  return tensors[0]!.graph.emit('concat', tensors, { axis })[0]!;
}
