/**
 * Choose the exponent of a stream for the next step from what this step's adds reported. Runs after the backward pass:
 * within a step the grid never changes.
 *
 * Operands exponent [1], monitor [8], then the stats [4] of every add of the stream; results: both, overwritten. With
 * m = `bits`, M the largest |k|, near, clamped and nan the sums of the counts, g the exponent:
 *
 *   streak = near + clamped > 0 ? streak + 1 : 0;  quiet = M < 2^(m-1) / 16 ? quiet + 1 : 0
 *   not calibrated: near > 0: g -= 2; else if M > 0: g = m - 1 - ceil(log2(4 M 2^-g)), calibrated = 1
 *   calibrated before: near > 0 or streak >= 3: g -= 1, streak = 0; else quiet >= 1000: g += 1, quiet = 0
 *   g stays in 0 .. m - 2; changes += 1 when it moved
 *   monitor = [streak, quiet, calibrated, M, near, clamped, nan, changes]
 *
 * The range is given up at once, and taken back slowly: in the first steps of a training a stream may double within three.
 */

import { ArgumentError } from '../errors.js';
import type { FixedDType } from '../graph/dtype.js';
import type { GraphBuilder } from '../graph/builder.js';
import { ZEROS } from '../graph/initializer.js';
import type { Tensor } from '../graph/tensor.js';
import { checkExponent, fixedBits } from './fixed-point.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {
  /** Bits of the stream's elements, 16 or 32. */
  bits: 'int',
} as const satisfies AttrSchema;

export const streamUpdateOp: OpDefinition<typeof attrs> = {
  name: 'streamUpdate',
  attrs,
  infer(call) {
    const { inputs, attrs: a, fail } = call;
    const [exponent, monitor, ...stats] = inputs;
    checkExponent(call, exponent);
    if (monitor?.dtype !== 'f32' || monitor.shape.length !== 1 || monitor.shape[0] !== 8)
      fail('monitor must be f32 [8]');
    if (stats.some((s) => s.dtype !== 'f32' || s.shape.length !== 1 || s.shape[0] !== 4)) fail('stats must be f32 [4]');
    if (a.bits !== 16 && a.bits !== 32) fail(`bits must be 16 or 32, got ${a.bits}`);
    return [exponent!, monitor!];
  },
  mutates: [
    [0, 0],
    [1, 1],
  ],
  effect: 'state',
  flops: ({ inputs }) => 4 * inputs.length,
};

/**
 * Emit, in phase `update`, the choice of every fixed-point grid for the next step, from what all additions to it report in
 * this one. Call it at the root scope of a training graph, behind the optimiser; without fixed-point streams it does
 * nothing. Exponents are persistent states; each gets a state `{name}.monitor` `[8]`, where a final `.exponent` of the name
 * is left out.
 */
export function updateStreams(g: GraphBuilder): void {
  if (g.scopedName('') !== '') throw new ArgumentError('g', 'a builder at its root scope', g.scopedName(''));
  const streams = new Map<number, { bits: number; stats: Tensor[] }>();
  for (const node of g.nodeList()) {
    if (node.phase !== 'forward') continue;
    if (node.op !== 'quantize' && !(node.op === 'couple' && node.attrs.direction === 'add')) continue;
    const exponent = node.inputs[node.op === 'couple' ? 2 : 1]!;
    const bits = fixedBits(g.tensor(node.outputs[0]!).dtype as FixedDType);
    const known = streams.get(exponent) ?? { bits, stats: [] };
    if (known.bits !== bits) throw new ArgumentError('stream', 'one dtype on one grid', `q16 and q32 ("${node.name}")`);
    known.stats.push(g.tensor(node.outputs[1]!));
    streams.set(exponent, known);
  }
  g.phase('update', () => {
    for (const [exponent, { bits, stats }] of streams) {
      const origin = g.origin(exponent);
      if (origin.kind !== 'state') continue;
      const name = origin.name.replace(/\.exponent$/, '');
      const monitor = g.state(`${name}.monitor`, [8], ZEROS);
      g.scope(name, () => g.emit('streamUpdate', [g.tensor(exponent), monitor, ...stats], { bits }));
    }
  });
}
