/**
 * Inverted dropout by a counter-based generator: element i (in memory order) is kept when word i of the Philox stream
 * keyed by (seed, key) with counter (i / 4, step) is at least p * 2^32, and is then divided by 1 - p. The same draw is
 * made again in the backward pass and in any recomputation, so no mask is stored. Operands x, seed [] u32, step [] u32.
 * @see Salmon et al. 2011 (Random123); docs/numerics.md for the counter layout
 */

import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { STEP_NUMBER, STEP_SEED } from '../graph/step-fields.js';
import { nameKey } from '../random/philox.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {
  p: 'float',
  /** 32-bit key of the node's scoped name. */
  key: 'int',
} as const satisfies AttrSchema;

export const dropoutOp: OpDefinition<typeof attrs> = {
  name: 'dropout',
  attrs,
  onePass: true,
  infer({ inputs, attrs: { p }, fail }) {
    const [x, seed, step] = inputs;
    if (!x || seed?.dtype !== 'u32' || step?.dtype !== 'u32') return fail('expects x, seed and step (u32 scalars)');
    if (!(p >= 0 && p < 1)) fail(`p must be in [0, 1), got ${p}`);
    return [x];
  },
  gradient: ({ inputs, grads, attrs: a }) => [
    grads[0]!.graph.emit('dropout', [grads[0]!, inputs[1]!, inputs[2]!], a)[0]!,
    null,
    null,
  ],
  inPlace: () => [[0, 0]],
  effect: 'random',
  flops: ({ outputs }) => 12 * elementCount(outputs[0]!.shape),
};

/**
 * Set elements to zero with probability p and divide the others by 1 - p. For training graphs only.
 * @param name - names the draw inside the current scope; give every dropout of a network its own.
 */
export function dropout(x: Tensor, p: number, name = 'dropout'): Tensor {
  if (p === 0) return x;
  const g = x.graph;
  return g.emit('dropout', [x, g.step(STEP_SEED, 'u32'), g.step(STEP_NUMBER, 'u32')], {
    p,
    key: nameKey(g.scopedName(name)),
  })[0]!;
}
