import { describe, expect, it } from 'vitest';
import { trace } from '../../src/graph/builder.js';
import { heNormal, ZEROS } from '../../src/graph/initializer.js';
import { printGraph } from '../../src/graph/print.js';
import { graphFault } from '../../src/graph/verify.js';
import { ShapeError } from '../../src/errors.js';
import { add, conv, leakyRelu, mul } from '../../src/ops/index.js';

describe('trace', () => {
  it('prints one line a node, with scopes, regions and leaves', () => {
    const graph = trace('demo', (g) => {
      const x = g.input('x', [1, 2, 4, 4]);
      const y = g.scope('net', () =>
        g.region('block', () =>
          leakyRelu(conv(x, g.parameter('weight', [3, 2, 3, 3], heNormal(18)), undefined, { padding: 'same' })),
        ),
      );
      g.output('y', mul(y, g.step('lr')));
    });
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "graph "demo"
        %0 f32[1,2,4,4] = input "x"
        %1 f32[3,2,3,3] = parameter "net.block.weight"
        %4 f32[] = step "lr"
        %2 f32[1,3,4,4] = conv(%0, %1) kernel=[3,3] stride=[1,1] padBefore=[1,1] padAfter=[1,1] dilation=[1,1] groups=1 outChannels=3 pieces=1 bias=false form=plain  # net.block.conv forward @net.block
        %3 f32[1,3,4,4] = unary(%2) kind=leakyRelu slope=0.01  # net.block.unary forward @net.block
        %5 f32[1,3,4,4] = binary(%3, %4) kind=mul  # binary forward
        return y = %5
      "
    `);
    expect(graphFault(graph)).toBeUndefined();
  });

  it('says in a shape error which operation, which shapes and which line of the caller', () => {
    const attempt = (): unknown =>
      trace('bad', (g) => {
        const x = g.input('x', [1, 33, 8, 8, 8]);
        g.scope('enc2', () => conv(x, g.parameter('weight', [32, 32, 3, 3, 3], ZEROS)));
      });
    expect(attempt).toThrowError(ShapeError);
    try {
      attempt();
    } catch (error) {
      const e = error as ShapeError;
      expect(e.message).toContain(
        'conv "enc2.conv": 33 input channels in 1 group(s) want weights [32, 33, 3, 3, 3], got [32, 32, 3, 3, 3]',
      );
      expect(e.message).toContain('inputs [1, 33, 8, 8, 8] [32, 32, 3, 3, 3]');
      expect(e.site).toMatch(/trace\.test\.ts:\d+:\d+$/);
      expect(e.code).toBe('ERR_SHAPE');
    }
  });

  it('refuses a name that is taken and a tensor of another graph', () => {
    expect(() => trace('a', (g) => [g.input('x', [1]), g.input('x', [1])])).toThrowError(/not taken/);
    let stranger!: Parameters<typeof leakyRelu>[0];
    trace('a', (g) => (stranger = g.input('x', [1])));
    expect(() => trace('b', (g) => add(stranger, g.input('y', [1])))).toThrowError(
      /a tensor of graph "(a|b)" was used in graph "(a|b)"; trace both in one function/,
    );
  });

  it('verifies: a reader after an overwrite, a broken type, a region that is torn apart', () => {
    const graph = trace('ok', (g) => {
      const x = g.input('x', [2]);
      g.output('y', add(leakyRelu(x), x));
    });
    const [first, second] = graph.nodes;
    expect(graphFault({ ...graph, nodes: [second!, first!] })).toContain('at position 0');
    expect(
      graphFault({
        ...graph,
        values: graph.values.map((v) => (v.id === 1 ? { ...v, type: { shape: [3], dtype: 'f32' as const } } : v)),
      }),
    ).toContain('wrong type');
    const torn = trace('torn', (g) => {
      const x = g.input('x', [2]);
      const a = g.region('r', () => leakyRelu(x));
      const b = leakyRelu(a);
      g.at({ path: 'r', region: 0, phase: 'forward', order: 0 }, () => leakyRelu(b));
    });
    expect(graphFault(torn)).toContain('region "r" is not contiguous');
    const late = trace('late', (g) => {
      const s = g.state('s', [2], ZEROS);
      const y = g.input('y', [2]);
      g.emit('assign', [s, y], {});
      g.output('z', leakyRelu(s));
    });
    expect(graphFault(late)).toContain('has overwritten');
  });
});
