/** A small segmentation network and its training step, by the runtime's operations alone. For tests of sessions; small enough for the reference. */

import type { Backend } from '../backend/backend.js';
import { compile } from '../compile.js';
import { gradients } from '../autodiff/gradients.js';
import { trace, type GraphBuilder } from '../graph/builder.js';
import type { Graph } from '../graph/graph.js';
import { heNormal, ONES, ZEROS, type Initializer } from '../graph/initializer.js';
import type { Tensor } from '../graph/tensor.js';
import {
  add,
  conv,
  convTranspose,
  crossEntropy,
  diceLoss,
  instanceNorm,
  leakyRelu,
  scale,
  sgdUpdate,
  softmax,
  sumSquares,
} from '../ops/index.js';

/** Patch of the network: odd on purpose. */
export const SMALL_PATCH = [9, 12, 10] as const;

/** A graph under construction and the parameters declared in it so far. */
class Net {
  readonly parameters: { readonly name: string; readonly value: Tensor }[] = [];
  constructor(readonly g: GraphBuilder) {}

  parameter(name: string, shape: readonly number[], init: Initializer): Tensor {
    const value = this.g.parameter(name, shape, init);
    this.parameters.push({ name: this.g.scopedName(name), value });
    return value;
  }
}

function block(net: Net, name: string, x: Tensor | readonly Tensor[], channels: number, stride: number): Tensor {
  return net.g.region(name, () => {
    const pieces = 'length' in x ? x : [x];
    const inputs = pieces.reduce((sum, p) => sum + p.shape[1]!, 0);
    const y = conv(
      pieces,
      net.parameter('w', [channels, inputs, 3, 3, 3], heNormal(inputs * 27, 0.01)),
      net.parameter('b', [channels], ZEROS),
      { stride, padding: 1 },
    );
    return leakyRelu(
      instanceNorm(y, net.parameter('gamma', [channels], ONES), net.parameter('beta', [channels], ZEROS)),
    );
  });
}

function network(net: Net, x: Tensor): Tensor {
  const skip = block(net, 'down0', x, 8, 1);
  const deep = block(net, 'down1', skip, 12, 2);
  const up = convTranspose(
    deep,
    net.parameter('up.w', [12, 8, 3, 2, 2], heNormal(12, 0.01)),
    net.parameter('up.b', [8], ZEROS),
    { stride: 2, padding: [1, 0, 0] },
  );
  const joined = block(net, 'up0', [up, skip], 8, 1);
  return conv(joined, net.parameter('head.w', [3, 8, 1, 1, 1], heNormal(8, 1)), net.parameter('head.b', [3], ZEROS));
}

/** Two patches, cross-entropy and Dice, SGD with momentum. Outputs loss, norm2. */
export function smallTrainingGraph(): Graph {
  return trace('train', (g) => {
    const net = new Net(g);
    const labels = g.input('labels', [2, 1, ...SMALL_PATCH], 'u8');
    const logits = network(net, g.input('x', [2, 1, ...SMALL_PATCH]));
    const loss = add(crossEntropy(logits, labels), diceLoss(softmax(logits), labels, { batch: true }));
    const grads = gradients(
      loss,
      net.parameters.map((p) => p.value),
    );
    g.output('loss', loss);
    g.output('norm2', sumSquares(grads));
    g.phase('update', () =>
      net.parameters.forEach(({ name, value: w }, i) => {
        const m = g.state(`momentum.${name}`, w.shape, ZEROS, 'optimizer');
        sgdUpdate(w, grads[i]!, m, g.step('lr'), g.step('factor'), {
          momentum: 0.9,
          weightDecay: 1e-4,
          nesterov: true,
        });
      }),
    );
  });
}

/** Logits of one patch with the same parameters. */
export function smallInferenceGraph(): Graph {
  return trace('infer', (g) => g.output('logits', scale(network(new Net(g), g.input('x', [1, 1, ...SMALL_PATCH])), 1)));
}

/** Inputs of the training graph. */
export function smallBatch(seed: number): { x: Float32Array; labels: Uint8Array } {
  const count = 2 * SMALL_PATCH[0] * SMALL_PATCH[1] * SMALL_PATCH[2];
  const x = Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.7 + seed) + Math.cos(i * 0.013));
  return { x, labels: Uint8Array.from(x, (v) => (v > 0.8 ? 2 : v > 0 ? 1 : 0)) };
}

/** Some steps of training, seed 3: losses, all persistent values after them, and logits of another patch. */
export async function trainSmallNet(
  backend: Backend,
  steps: number,
): Promise<{ losses: number[]; parameters: Map<string, ArrayLike<number>>; logits: ArrayLike<number> }> {
  using session = await backend.createSession({ seed: 3 });
  const step = await session.load(compile(smallTrainingGraph(), backend.profile));
  const infer = await session.load(compile(smallInferenceGraph(), backend.profile));
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) losses.push((await step.run(smallBatch(i), { lr: 0.05, factor: 1 }))['loss']![0]!);
  const parameters = new Map<string, ArrayLike<number>>();
  for (const name of session.names()) parameters.set(name, await session.read(name));
  const x = smallBatch(99).x.subarray(0, SMALL_PATCH[0] * SMALL_PATCH[1] * SMALL_PATCH[2]);
  return { losses, parameters, logits: (await infer.run({ x }))['logits']! };
}
