/** A small network and its training graph, for tests of sessions. */

import {
  add,
  conv,
  convTranspose,
  crossEntropy,
  fill,
  gradients,
  heNormal,
  instanceNorm,
  leakyRelu,
  ONES,
  scale,
  sgdUpdate,
  STEP_LEARNING_RATE,
  trace,
  ZEROS,
  type Graph,
  type GraphBuilder,
  type Tensor,
} from '../../src/index.js';

const SIZE = [6, 5, 7] as const;
const UP = [12, 10, 14] as const;
export const CHANNELS = 2;
export const CLASSES = 3;

/** Elements of the input and of the labels. */
export const INPUT_ELEMENTS = CHANNELS * UP[0] * UP[1] * UP[2];
export const LABEL_ELEMENTS = UP[0] * UP[1] * UP[2];

function parameters(g: GraphBuilder): Tensor[] {
  return [
    g.parameter('down.weight', [4, CHANNELS, 3, 3, 3], heNormal(CHANNELS * 27)),
    g.parameter('down.gamma', [4], ONES),
    g.parameter('down.beta', [4], ZEROS),
    g.parameter('up.weight', [4, 4, 2, 2, 2], heNormal(4)),
    g.parameter('head.weight', [CLASSES, 4, 1, 1, 1], heNormal(4)),
    g.parameter('head.bias', [CLASSES], ZEROS),
  ];
}

function network(x: Tensor, [w1, gamma, beta, w2, w3, b3]: Tensor[]): Tensor {
  const low = leakyRelu(instanceNorm(conv(x, w1!, undefined, { stride: 2, padding: 1 }), gamma!, beta!), 0.01);
  return conv(leakyRelu(convTranspose(low, w2!, undefined, { stride: 2 }), 0.01), w3!, b3!);
}

const input = (g: GraphBuilder): Tensor => g.input('x', [1, CHANNELS, ...UP]);

/** Logits `y` only. */
export function predictGraph(): Graph {
  return trace('predict', (g) => g.output('y', network(input(g), parameters(g))));
}

/** One SGD step; outputs `loss`. */
export function trainGraph(): Graph {
  return trace('train', (g) => {
    const x = input(g);
    const labels = g.input('labels', [1, 1, ...UP], 'u8');
    const weights = parameters(g);
    const names = ['down.weight', 'down.gamma', 'down.beta', 'up.weight', 'head.weight', 'head.bias'];
    const loss = crossEntropy(network(x, weights), labels);
    g.output('loss', loss);
    const grads = gradients(loss, weights);
    const lr = g.step(STEP_LEARNING_RATE);
    g.phase('update', () => {
      const factor = fill(g, [], 1);
      weights.forEach((w, i) => {
        const m = g.state(`${names[i]}.momentum`, w.shape, ZEROS, 'optimizer');
        sgdUpdate(w, grads[i]!, m, lr, factor, { momentum: 0.9, weightDecay: 1e-4, nesterov: true });
      });
    });
  });
}

/** Adds one to everything `repeats` times: a plan that takes a while and changes nothing. */
export function longGraph(elements: number, repeats: number): Graph {
  return trace('long', (g) => {
    let y = g.input('x', [elements]);
    for (let i = 0; i < repeats; i++) y = add(scale(y, 1, 1), y);
    g.output('y', y);
  });
}

export const SPATIAL = { SIZE, UP };
