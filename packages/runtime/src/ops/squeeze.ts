/**
 * Space to depth and back: every block of `block` voxels becomes one voxel with as many channels more. A permutation:
 * exact in every dtype, gradient the inverse permutation. With s = product of the block, offset o = (oz sy + oy) sx + ox:
 *
 *   offsetMajor   out[n, o C + c, z, y, x] = in[n, c, z sz + oz, y sy + oy, x sx + ox]   (i-RevNet, space_to_depth)
 *   channelMajor  out[n, c s + o, z, y, x] = the same                                    (pixel_unshuffle, iUNet)
 *
 * `inverse` goes the other way.
 * @see Jacobsen et al. 2018 (arXiv 1802.07088)
 */

import type { Tensor } from '../graph/tensor.js';
import { checkSpatial, perAxis, spatialOf, type PerAxis } from './conv-shape.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema, AttrsOf } from './schema.js';

const attrs = { block: 'ints', order: ['offsetMajor', 'channelMajor'], inverse: 'bool' } as const satisfies AttrSchema;

export const squeezeOp: OpDefinition<typeof attrs> = {
  name: 'squeeze',
  attrs,
  onePass: true,
  infer(call) {
    const { inputs, attrs: a, fail } = call;
    const x = inputs[0];
    if (!x || inputs.length !== 1) return fail('expects one operand');
    checkSpatial(call, x.shape.length - 2, { block: a.block }, { block: 1 });
    return [{ shape: blockedShape(x.shape, a.block, a.inverse, fail), dtype: x.dtype }];
  },
  gradient: ({ grads, attrs: a }) => [flip(grads[0]!, a)],
  recover: (_index, a) => ({ exact: true, stream: true, emit: ([y]) => flip(y!, a) }),
  flops: () => 0,
};

/** Shape after `block` voxels were gathered into channels, or spread again. @internal */
export function blockedShape(
  shape: readonly number[],
  block: readonly number[],
  inverse: boolean,
  fail: (detail: string) => never,
): number[] {
  const voxels = block.reduce((p, b) => p * b, 1);
  const [n, c] = [shape[0]!, shape[1]!];
  const space = spatialOf(shape);
  if (inverse) {
    if (c % voxels) fail(`${c} channels (axis 1) are no multiple of ${voxels}, the voxels of a block`);
    return [n, c / voxels, ...space.map((s, i) => s * block[i]!)];
  }
  space.forEach((s, i) => {
    if (s % block[i]!) fail(`spatial axis ${i}: size ${s} is no multiple of ${block[i]}; pad the input`);
  });
  return [n, c * voxels, ...space.map((s, i) => s / block[i]!)];
}

function flip(x: Tensor, a: AttrsOf<typeof attrs>): Tensor {
  return x.graph.emit('squeeze', [x], { ...a, inverse: !a.inverse })[0]!;
}

/** Which of channel and offset in the block varies slower in the squeezed channels. */
export type SqueezeOrder = AttrsOf<typeof attrs>['order'];

/** Gather blocks of voxels into channels. @param x - `[N, C, ...]`, any dtype; spatial sizes multiples of the block. */
export function squeeze(x: Tensor, block: PerAxis, order: SqueezeOrder = 'offsetMajor'): Tensor {
  return x.graph.emit('squeeze', [x], { block: perAxis(block, x.shape.length - 2), order, inverse: false })[0]!;
}

/** The inverse of `squeeze`. */
export function unsqueeze(x: Tensor, block: PerAxis, order: SqueezeOrder = 'offsetMajor'): Tensor {
  return x.graph.emit('squeeze', [x], { block: perAxis(block, x.shape.length - 2), order, inverse: true })[0]!;
}
