import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/gradients.js';
import { trace, type GraphBuilder } from '../../src/graph/builder.js';
import type { Graph } from '../../src/graph/graph.js';
import { ONES, ZEROS } from '../../src/graph/initializer.js';
import type { Tensor } from '../../src/graph/tensor.js';
import { lower } from '../../src/lower/lower.js';
import { conv, fill, instanceNorm, leakyRelu, relu, sgdUpdate, sum } from '../../src/ops/index.js';
import { testProfile } from '../support/profile.js';

function block(g: GraphBuilder, x: Tensor): { y: Tensor; parameters: Tensor[] } {
  const parameters = [
    g.parameter('weight', [4, 2, 3, 3], ONES),
    g.parameter('gamma', [4], ONES),
    g.parameter('beta', [4], ZEROS),
  ];
  const [w, gamma, beta] = parameters as [Tensor, Tensor, Tensor];
  return { y: leakyRelu(instanceNorm(conv(x, w, undefined, { padding: 1 }), gamma, beta)), parameters };
}

function trainingGraph(): Graph {
  return trace('train', (g) => {
    const { y, parameters } = block(g, g.input('x', [1, 2, 5, 5]));
    const loss = sum(y);
    const grads = gradients(loss, parameters);
    g.output('loss', loss);
    g.phase('update', () => {
      const [lr, one] = [g.step('lr'), fill(g, [], 1)];
      parameters.forEach((p, i) =>
        sgdUpdate(p, grads[i]!, g.state(`m${i}`, p.shape, ZEROS, 'optimizer'), lr, one, {
          momentum: 0,
          weightDecay: 0,
          nesterov: false,
        }),
      );
    });
  });
}

const ops = (graph: Graph): string[] => graph.nodes.map((n) => n.op);

describe('lower', () => {
  it('removes what reaches neither output nor state', () => {
    const graph = trace('dead', (g) => {
      const x = g.input('x', [2]);
      relu(x);
      g.output('y', leakyRelu(x));
    });
    expect(ops(lower(graph, testProfile()))).toEqual(['unary']);
  });

  it('fuses norm and activation forward and backward, only for profiles that offer it', () => {
    const fused = lower(trainingGraph(), testProfile({ fusions: new Set(['normAct', 'normActGrad']) }));
    expect(ops(fused)).toContain('normAct');
    expect(ops(fused)).toContain('normActGrad');
    for (const op of ['norm', 'normGrad', 'unary', 'unaryGrad']) expect(ops(fused)).not.toContain(op);
    const plain = lower(trainingGraph(), testProfile());
    for (const op of ['norm', 'normGrad', 'unary', 'unaryGrad']) expect(ops(plain)).toContain(op);
  });

  it('keeps the norm apart when its result is wanted elsewhere', () => {
    const graph = trace('two readers', (g) => {
      const x = g.input('x', [1, 2, 4, 4]);
      const y = instanceNorm(x, g.parameter('gamma', [2], ONES), g.parameter('beta', [2], ZEROS));
      g.output('y', y);
      g.output('z', relu(y));
    });
    expect(ops(lower(graph, testProfile({ fusions: new Set(['normAct', 'normActGrad']) })))).toEqual(['norm', 'unary']);
  });

  it('gives convolutions of parameters the packed form as derived values', () => {
    const profile = testProfile({ packedElements: ({ op }) => (op === 'conv' ? 96 : 0) });
    const graph = lower(trainingGraph(), profile);
    const derived = graph.values.filter((v) => v.origin.kind === 'derived');
    expect(derived.map((v) => v.type.shape)).toEqual([[96]]);
    expect(graph.nodes.find((n) => n.op === 'conv')?.attrs).toMatchObject({ form: 'packed' });
  });
});

describe('expansion of fused operations', () => {
  it.each(['f32', 'bf16'] as const)('works for %s on a backend without the kernels', (dtype) => {
    const graph = trace('fused', (g) => {
      const x = g.input('x', [2, 4, 3, 3], dtype);
      const [gamma, beta] = [g.parameter('gamma', [4], ONES), g.parameter('beta', [4], ZEROS)];
      const attrs = { mode: 'group', groups: 2, eps: 1e-5, slope: 0.1 } as const;
      const [y, mean, rstd] = g.emit('normAct', [x, gamma, beta], { ...attrs, to: 'same' });
      const [dx] = g.emit('normActGrad', [x, gamma, beta, mean!, rstd!, y!], attrs);
      g.output('dx', dx!);
    });
    const lowered = lower(graph, testProfile());
    expect(ops(lowered)).not.toContain('normAct');
    expect(ops(lowered)).not.toContain('normActGrad');
    expect(lowered.values[lowered.outputs[0]!.value]!.type).toEqual({ shape: [2, 4, 3, 3], dtype });
  });
});
