import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/gradients.js';
import { trace } from '../../src/graph/builder.js';
import type { Graph } from '../../src/graph/graph.js';
import { ONES } from '../../src/graph/initializer.js';
import { add, argmax, cast, conv, leakyRelu, mul, scale, sum, sumSquares } from '../../src/ops/index.js';

const backward = (graph: Graph): string[] => graph.nodes.filter((n) => n.phase === 'backward').map((n) => n.name);

describe('gradients', () => {
  it('sums partial gradients in the order in which the reverse walk meets them, as soon as they arrive', () => {
    const graph = trace('fan-out', (g) => {
      const w = g.parameter('w', [3], ONES);
      const first = scale(w, 2);
      const second = scale(w, 3);
      const third = scale(w, 5);
      const [dw] = gradients(sum(add(add(first, second), third)), [w]);
      g.output('dw', dw!);
    });
    const names = backward(graph).filter((n) => n.includes('scale'));
    // Last use first; the running sum is emitted beside the newest part.
    expect(names).toEqual([
      'scale#2:grad.scale',
      'scale#1:grad.scale',
      'scale#1:grad.binary',
      'scale:grad.scale',
      'scale:grad.binary',
    ]);
    const sums = graph.nodes.filter((n) => n.op === 'binary' && n.phase === 'backward');
    expect(sums).toHaveLength(2);
    expect(sums[1]!.inputs[0]).toBe(sums[0]!.outputs[0]);
  });

  it('emits nothing for inputs that need no gradient: the first layer of a network has no input gradient', () => {
    const graph = trace('first layer', (g) => {
      const w = g.parameter('w', [4, 1, 3, 3], ONES);
      const loss = sum(leakyRelu(conv(g.input('x', [1, 1, 5, 5]), w)));
      g.output('dw', gradients(loss, [w])[0]!);
    });
    expect(graph.nodes.map((n) => n.op)).toContain('convWeightGrad');
    expect(graph.nodes.map((n) => n.op)).not.toContain('convTranspose');
  });

  it('gives zeros where the loss does not depend on a tensor', () => {
    const graph = trace('independent', (g) => {
      const [a, b] = [g.parameter('a', [2], ONES), g.parameter('b', [4], ONES)];
      const [, db] = gradients(sum(mul(a, a)), [a, b]);
      g.output('db', db!);
    });
    const { origin, type } = graph.values[graph.outputs[0]!.value]!;
    expect(type.shape).toEqual([4]);
    expect(origin.kind === 'node' && graph.nodes[origin.node]).toMatchObject({ op: 'fill', attrs: { value: 0 } });
  });

  it('makes the gradient of every piece of a multi-input convolution from its own slice of the weights', () => {
    const graph = trace('pieces', (g) => {
      const [a, b] = [g.input('a', [1, 2, 5, 5]), g.input('b', [1, 3, 5, 5])];
      const w = g.parameter('w', [4, 5, 3, 3], ONES);
      gradients(sum(conv([a, b], w, undefined, { padding: 1 })), [a, b]).forEach((t, i) => g.output(`d${i}`, t));
    });
    const slices = graph.nodes.flatMap((n) =>
      n.op === 'convTranspose' ? [[n.attrs.channelBegin, n.attrs.channelCount]] : [],
    );
    expect(slices).toEqual([
      [0, 2],
      [2, 3],
    ]);
  });

  it('marks backward nodes with the region of the forward node they belong to', () => {
    const graph = trace('regions', (g) => {
      const w = g.parameter('w', [2], ONES);
      g.output('dw', gradients(sum(g.region('block', () => mul(w, w))), [w])[0]!);
    });
    const grad = graph.nodes.filter((n) => n.phase === 'backward' && n.name.startsWith('block.binary'));
    expect(grad.length).toBeGreaterThan(0);
    for (const node of grad) expect(node.region).toBe(0);
  });

  it('names the operation that has no gradient', () => {
    expect(() =>
      trace('no rule', (g) => {
        const w = g.parameter('w', [2], ONES);
        gradients(sumSquares([w]), [w]);
      }),
    ).toThrowError(/sumSquares "sumSquares" has no gradient/);
  });

  it('wants a float scalar', () => {
    expect(() => trace('vector', (g) => gradients(g.parameter('w', [2], ONES), []))).toThrowError(/float scalar/);
    expect(() =>
      trace('integer', (g) => gradients(sum(cast(argmax(g.input('x', [1, 2, 3])), 'i32')), [])),
    ).toThrowError(/float scalar/);
  });
});
