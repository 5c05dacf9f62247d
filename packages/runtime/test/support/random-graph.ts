/** Random small networks for property tests of the planner: instructions over a pool of tensors of one shape. */

import fc from 'fast-check';
import { gradients } from '../../src/autodiff/gradients.js';
import { trace, type GraphBuilder } from '../../src/graph/builder.js';
import type { Graph } from '../../src/graph/graph.js';
import { ZEROS, type Initializer } from '../../src/graph/initializer.js';
import type { Tensor } from '../../src/graph/tensor.js';
import { add, binary, mul, sub } from '../../src/ops/binary.js';
import { concat } from '../../src/ops/concat.js';
import { conv } from '../../src/ops/conv.js';
import { convTranspose } from '../../src/ops/conv-transpose.js';
import { dropout } from '../../src/ops/dropout.js';
import { fill } from '../../src/ops/fill.js';
import { instanceNorm } from '../../src/ops/norm.js';
import { pad } from '../../src/ops/pad.js';
import { permute } from '../../src/ops/permute.js';
import { maxPool } from '../../src/ops/pool.js';
import { mean, sum } from '../../src/ops/reduce.js';
import { reshape } from '../../src/ops/reshape.js';
import { resize } from '../../src/ops/resize.js';
import { scale } from '../../src/ops/scale.js';
import { sgdUpdate } from '../../src/ops/sgd-update.js';
import { slice } from '../../src/ops/slice.js';
import { softmax } from '../../src/ops/softmax.js';
import { leakyRelu, unary } from '../../src/ops/unary.js';

/** All tensors of the pool have it: N, C, H, W. */
export const SHAPE = [2, 3, 4, 6] as const;

const NORMAL: Initializer = { kind: 'normal', std: 0.4 };

type Maker = (g: GraphBuilder, a: Tensor, b: Tensor, id: number) => Tensor;

const MAKERS: readonly Maker[] = [
  (_g, a) => unary('tanh', a),
  (_g, a) => leakyRelu(a),
  (_g, a, b) => add(a, b),
  (_g, a, b) => sub(a, b),
  (_g, a, b) => mul(unary('tanh', a), b),
  (_g, a, b) => binary('max', a, b),
  (_g, a) => scale(a, -0.5, 0.25),
  (_g, a) => softmax(a),
  (_g, a, b) => slice(concat([a, b], 1), [0, 1, 0, 0], SHAPE),
  (_g, a) => permute(permute(a, [0, 1, 3, 2]), [0, 1, 3, 2]),
  (_g, a) => slice(pad(a, [0, 0, 1, 0], [0, 0, 0, 2]), [0, 0, 1, 0], SHAPE),
  (_g, a) => reshape(unary('square', reshape(a, [2, 72])), SHAPE),
  (_g, a) => sub(a, mean(a, { axes: [2, 3], keepDims: true })),
  (g, a, _b, id) => dropout(a, 0.25, `dropout${id}`),
  (g, a, _b, id) =>
    conv(a, g.parameter(`w${id}`, [3, 3, 3, 3], NORMAL), g.parameter(`b${id}`, [3], NORMAL), { padding: 1 }),
  (g, a, b, id) => conv([a, b], g.parameter(`w${id}`, [3, 6, 1, 1], NORMAL)),
  (g, a, _b, id) => convTranspose(maxPool(a, 2), g.parameter(`w${id}`, [3, 3, 2, 2], NORMAL), undefined, { stride: 2 }),
  (g, a, _b, id) =>
    leakyRelu(instanceNorm(a, g.parameter(`gamma${id}`, [3], NORMAL), g.parameter(`beta${id}`, [3], NORMAL))),
  (_g, a) => resize(resize(a, [3, 5]), [4, 6], 'nearest'),
  (g, a, _b, id) =>
    conv(a, g.parameter('shared', [3, 3, 3, 3], NORMAL), g.parameter(`b${id}`, [3], NORMAL), { padding: 1 }),
];

/** A network: which instruction on which earlier tensors, what is given back, and whether it is trained. */
export interface RandomNetwork {
  readonly steps: readonly { readonly maker: number; readonly a: number; readonly b: number }[];
  readonly outputs: readonly number[];
  readonly train: boolean;
}

/** Networks of up to 14 instructions. */
export const randomNetwork: fc.Arbitrary<RandomNetwork> = fc.record({
  steps: fc.array(fc.record({ maker: fc.nat(MAKERS.length - 1), a: fc.nat(1000), b: fc.nat(1000) }), {
    minLength: 1,
    maxLength: 14,
  }),
  outputs: fc.array(fc.nat(1000), { minLength: 1, maxLength: 3 }),
  train: fc.boolean(),
});

/** Trace a random network. Its inputs are x0 and x1; a trained one updates all its parameters by SGD with momentum. */
export function traceNetwork({ steps, outputs, train }: RandomNetwork): Graph {
  return trace('random', (g) => {
    const parameters = new Map<string, Tensor>();
    // A parameter asked for again is the same one.
    const shared = Object.create(g, {
      parameter: {
        value: (name: string, shape: readonly number[], init: Initializer): Tensor => {
          const known = parameters.get(name) ?? g.parameter(name, shape, init);
          parameters.set(name, known);
          return known;
        },
      },
    }) as GraphBuilder;
    const pool = [g.input('x0', SHAPE), g.input('x1', SHAPE)];
    steps.forEach(({ maker, a, b }, id) =>
      pool.push(MAKERS[maker]!(shared, pool[a % pool.length]!, pool[b % pool.length]!, id)),
    );
    [...new Set(outputs.map((o) => o % pool.length))].forEach((o) => g.output(`y${o}`, pool[o]!));
    if (!train) return;
    const loss = mean(unary('square', pool.at(-1)!));
    g.output('loss', loss);
    const wrt = [...parameters];
    const grads = gradients(
      loss,
      wrt.map(([, p]) => p),
    );
    g.phase('update', () => {
      const lr = g.step('lr');
      const factor = fill(g, [], 1);
      wrt.forEach(([name, p], i) => {
        sgdUpdate(p, grads[i]!, g.state(`${name}:momentum`, p.shape, ZEROS, 'optimizer'), lr, factor, {
          momentum: 0.9,
          weightDecay: 0.01,
          nesterov: true,
        });
      });
    });
    g.output('first', sum(pool[0]!));
  });
}
