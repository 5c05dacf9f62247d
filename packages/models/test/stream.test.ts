/** Streams and the blocks on them: types, names, what is emitted. */
import {
  concat,
  evaluate,
  gradients,
  graphFault,
  loadBackend,
  mean,
  trace,
  updateStreams,
  type Graph,
  type Tensor,
} from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import {
  affineBlock,
  coupleAdd,
  enter,
  leave,
  openGrid,
  preActivation,
  resampleDown,
  resampleUp,
  RESAMPLINGS,
  reversibleBlock,
  revnetBasic,
  revnetBottleneck,
  STREAM_KINDS,
  trainingStep,
  type Pieces,
  type Resampling,
  type StreamKind,
} from '../src/index.js';

const backend = await loadBackend('reference');
const style = { norm: 'instance', eps: 1e-5, slope: 0.01, dropout: 0, training: false } as const;

const namesOf = (graph: Graph, kind: 'parameter' | 'state'): string[] =>
  graph.values.flatMap(({ origin }) => (origin.kind === kind ? [origin.name] : []));

describe('a grid', () => {
  it.each(STREAM_KINDS)('%s: enters, adds, leaves', (kind) => {
    const graph = trace('t', (g) => {
      const grid = g.scope('net', () => openGrid(g, 'a', kind, 'bf16'));
      const x = g.input('x', [1, 2, 4, 4], 'bf16');
      const k = enter(x, grid);
      expect(k.dtype).toBe(kind);
      expect(coupleAdd(k, x, grid).dtype).toBe(kind);
      expect(leave(k, grid).dtype).toBe('bf16');
      g.output('y', leave(coupleAdd(k, x, grid), grid));
    });
    expect(graphFault(graph)).toBeUndefined();
    expect(namesOf(graph, 'state')).toEqual(kind.startsWith('q') ? ['net.a.exponent'] : []);
  });

  it.each(RESAMPLINGS.flatMap((resampling) => STREAM_KINDS.map((kind) => ({ resampling, kind }))))(
    'resampling $resampling of a $kind stream, there and back',
    async ({ resampling, kind }: { resampling: Resampling; kind: StreamKind }) => {
      const x = { data: Float32Array.from({ length: 128 }, (_, i) => Math.sin(1.3 * i)), shape: [1, 2, 4, 4, 4] };
      const { before, after } = await evaluate(backend, { x }, (g, t) => {
        const grid = openGrid(g, 's', kind, 'f32');
        const how = { resampling, order: 'offsetMajor', parametrisation: 'cayley' } as const;
        const k = enter(t.x, grid);
        const low = g.scope('down', () => resampleDown(k, [2, 2, 2], how, grid));
        expect(low.shape).toEqual([1, 16, 2, 2, 2]);
        const back = g.scope('up', () => resampleUp(low, [2, 2, 2], how, grid));
        return { before: leave(k, grid), after: leave(back, grid) };
      });
      const slack = kind === 'bf16' ? 0.02 : kind === 'f32' ? 1e-6 : 0;
      before.data.forEach((v, i) =>
        expect(Math.abs((after.data[i] as number) - (v as number))).toBeLessThanOrEqual(slack),
      );
    },
  );
});

describe('updateStreams', () => {
  const model = { kind: 'partially-reversible-unet3d', classes: 2, baseChannels: 4, levels: 2 } as const;
  const step = (stream: StreamKind): Graph =>
    trainingStep({ model: { ...model, stream }, inChannels: 1, batch: 1, patch: [8, 8] });

  it.each(['q16', 'q32'] as const)(
    '%s: one update per grid, from all additions to it, after the optimiser',
    (stream) => {
      const graph = step(stream);
      const updates = graph.nodes.filter((n) => n.op === 'streamUpdate');
      expect(updates.map((n) => [n.name, n.phase, n.attrs.bits])).toEqual([
        ['level0.streamUpdate', 'update', stream === 'q16' ? 16 : 32],
        ['level1.streamUpdate', 'update', stream === 'q16' ? 16 : 32],
      ]);
      // Level 0: two pieces entered, two blocks of two additions, two skips. Level 1: entered once, two blocks.
      expect(updates.map((n) => n.inputs.length - 2)).toEqual([8, 6]);
      expect(namesOf(graph, 'state').filter((name) => name.startsWith('level'))).toEqual([
        'level0.exponent',
        'level1.exponent',
        'level0.monitor',
        'level1.monitor',
      ]);
      const last = graph.nodes.findLastIndex((n) => n.op === 'sgdUpdate');
      expect(graph.nodes.findIndex((n) => n.op === 'streamUpdate')).toBeGreaterThan(last);
    },
  );

  it('does nothing for float streams', () => {
    expect(step('f32').nodes.some((n) => n.op === 'streamUpdate')).toBe(false);
    const graph = trace('empty', (g) => updateStreams(g));
    expect(graph.nodes).toEqual([]);
  });
});

describe('blocks', () => {
  const build = (
    make: (pieces: Pieces, x: Tensor) => readonly Tensor[],
    shape: number[],
    kind: StreamKind = 'q16',
  ): Graph =>
    trace('t', (g) => {
      const grid = openGrid(g, 's', kind, 'f32');
      const pieces = [enter(g.input('a', shape), grid), enter(g.input('b', shape), grid)] as const;
      make(pieces, pieces[0]).forEach((t, i) => g.output(`y${i}`, leave(t, grid)));
    });

  it.each([
    ['basic', revnetBasic, ['0', '1'], [3, 3]],
    ['bottleneck', revnetBottleneck, ['0', '1', '2'], [1, 3, 1]],
  ] as const)('RevNet %s, 2D and 3D', (_, residual, units, kernels) => {
    for (const space of [
      [6, 6],
      [4, 4, 4],
    ]) {
      const graph = trace('t', (g) => {
        const grid = openGrid(g, 's', 'q16', 'f32');
        const pieces = [0, 1].map((p) => enter(g.input(`x${p}`, [2, 8, ...space]), grid));
        const f = (x: Tensor): Tensor => residual(x, 8, { training: true });
        const [y1, y2] = reversibleBlock('block0', pieces as unknown as Pieces, f, f, grid);
        expect([y1.shape, y2.shape]).toEqual([pieces[0]!.shape, pieces[1]!.shape]);
        g.output('y', leave(y2, grid));
        g.output('z', leave(y1, grid));
      });
      expect(graphFault(graph)).toBeUndefined();
      const weights = graph.values.filter(
        (v) => v.origin.kind === 'parameter' && v.origin.name.endsWith('conv.weight'),
      );
      expect(weights.map((v) => (v.origin as { name: string }).name)).toEqual(
        ['f', 'g'].flatMap((f) => units.map((u) => `block0.${f}.${u}.conv.weight`)),
      );
      expect(weights.slice(0, units.length).map((v) => v.type.shape[2])).toEqual(kernels);
      // Two running statistics per batch norm, each written once.
      expect(graph.nodes.filter((n) => n.op === 'assign')).toHaveLength(4 * units.length);
    }
  });

  it('couples unequal pieces', () => {
    const graph = trace('t', (g) => {
      const grid = openGrid(g, 's', 'q16', 'f32');
      const pieces = [enter(g.input('a', [1, 3, 4, 4]), grid), enter(g.input('b', [1, 1, 4, 4]), grid)] as const;
      const to = (channels: number) => (x: Tensor) => preActivation(x, [{ channels }], style);
      const [skip, go] = reversibleBlock('block0', pieces, to(3), to(1), grid);
      expect([skip.shape[1], go.shape[1]]).toEqual([3, 1]);
      g.output('y', leave(go, grid));
    });
    expect(graphFault(graph)).toBeUndefined();
  });

  it('scales the first weights of the last convolution', () => {
    const graph = build(
      ([a, b], _x) => {
        const grid = { kind: 'f32', precision: 'f32' } as const;
        const f = (x: Tensor): Tensor => preActivation(x, [{ channels: 4 }, { channels: 4, gain: 0.25 }], style);
        return reversibleBlock('block0', [a, b], f, f, grid);
      },
      [1, 4, 4, 4],
      'f32',
    );
    const std = (name: string): number => {
      const { origin } = graph.values.find((v) => v.origin.kind === 'parameter' && v.origin.name === name)!;
      return origin.kind === 'parameter' && origin.init.kind === 'normal' ? origin.init.std : Number.NaN;
    };
    expect(std('block0.f.1.conv.weight')).toBeCloseTo(std('block0.f.0.conv.weight') / 4, 12);
  });

  it('draws dropout in training alone', () => {
    const count = (training: boolean): number =>
      trace('t', (g) => {
        const x = g.input('x', [1, 4, 4, 4]);
        g.output('y', preActivation(x, [{ channels: 4 }, { channels: 4 }], { ...style, dropout: 0.2, training }));
      }).nodes.filter((n) => n.op === 'dropout').length;
    expect([count(true), count(false)]).toEqual([1, 0]);
  });

  it.each(['sigmoid', 'exp'] as const)('affine coupling by %s: its numbers and gradients', async (act) => {
    const a = Float32Array.from({ length: 8 }, (_, i) => Math.sin(i));
    const b = Float32Array.from({ length: 8 }, (_, i) => Math.cos(2 * i));
    const tensor = (data: Float32Array) => ({ data, shape: [1, 2, 2, 2] });
    const { y1, y2, da } = await evaluate(backend, { a: tensor(a), b: tensor(b) }, (g, t) => {
      const grid = openGrid(g, 's', 'f32', 'f32');
      // Shifts and scales are both the other piece itself.
      const twice = (x: Tensor): Tensor => concat([x, x], 1);
      const [u, v] = affineBlock('block0', [t.a, t.b], twice, twice, grid, act);
      return { y1: u, y2: v, da: gradients(mean(u), [t.a])[0]! };
    });
    const factor = (s: number): number => (act === 'exp' ? Math.exp(s) : 1 / (1 + Math.exp(-s - 2)));
    for (let i = 0; i < 8; i++) {
      const first = factor(b[i]!) * a[i]! + b[i]!;
      expect(y1.data[i]).toBeCloseTo(first, 5);
      expect(y2.data[i]).toBeCloseTo(factor(first) * b[i]! + first, 4);
      expect(da.data[i]).toBeCloseTo(factor(b[i]!) / 8, 6);
    }
  });

  it('affine couplings refuse fixed point', () => {
    expect(() =>
      build(
        (pieces) =>
          affineBlock(
            'block0',
            pieces,
            (x) => x,
            (x) => x,
            {
              kind: 'q16',
              precision: 'f32',
            },
          ),
        [1, 2, 4, 4],
      ),
    ).toThrow('expected a float stream (affine couplings have no exact inverse) for `stream`, got "q16"');
  });
});
