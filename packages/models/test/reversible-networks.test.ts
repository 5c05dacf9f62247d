/** Graphs of the reversible networks: sizes, names, regions, errors, in every storage of the stream. Numbers are in reversible-golden.test.ts. */
import { graphFault, trace, type Graph, type Tensor } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import {
  applyModel,
  inferenceStep,
  invertibleWidths,
  MODEL_KINDS,
  modelLimits,
  modelParameters,
  partiallyReversibleParameterCount,
  partiallyReversibleParameters,
  resolveIrevunet,
  resolveIunet,
  resolvePartiallyReversible,
  resolveRevunet,
  RESAMPLINGS,
  STREAM_KINDS,
  trainingStep,
  validationStep,
  type ModelConfig,
  type PartiallyReversibleConfig,
} from '../src/index.js';

const KINDS = MODEL_KINDS.filter((kind) => kind !== 'unet3d');
const ranksOf = (kind: ModelConfig['kind']): number[] =>
  kind.endsWith('2d') ? [2] : kind.startsWith('i') ? [3] : [2, 3];

/** A small network of any kind; fields that a kind does not have are left out by it. */
const small = (kind: ModelConfig['kind'], more: object = {}): ModelConfig =>
  ({ kind, classes: 3, baseChannels: 4, levels: 3, ...more }) as ModelConfig;

function netGraph(config: ModelConfig, shape: readonly number[], training = false): Graph {
  return trace('net', (g) =>
    applyModel(g.input('x', shape), config, { training }).forEach((t, h) => g.output(`logits${h}`, t)),
  );
}

const patchOf = (rank: number): number[] => [8, 16, 8].slice(0, rank);

describe.each(KINDS)('%s', (kind) => {
  const cases = ranksOf(kind).flatMap((rank) =>
    STREAM_KINDS.flatMap((stream) => (['f32', 'bf16'] as const).map((precision) => ({ rank, stream, precision }))),
  );

  it.each(cases)('is sound in $rank dimensions, stream $stream, precision $precision', ({ rank, ...store }) => {
    const config = { model: small(kind, { ...store, dropout: 0.1 }), inChannels: 2, batch: 2, patch: patchOf(rank) };
    for (const graph of [trainingStep(config), validationStep(config), inferenceStep(config)])
      expect(graphFault(graph)).toBeUndefined();
    const graph = netGraph(config.model, [2, 2, ...config.patch]);
    const logits = graph.values[graph.outputs[0]!.value]!.type;
    expect(logits).toEqual({ shape: [2, 3, ...config.patch], dtype: store.precision });
  });

  it('keeps its stream in the storage asked for, and no copy of it', () => {
    const graph = netGraph(small(kind), [1, 1, ...patchOf(ranksOf(kind)[0]!)]);
    const stored = graph.nodes.filter((n) => n.op === 'couple' || n.op === 'quantize').map((n) => n.outputs[0]!);
    expect(stored.length).toBeGreaterThan(0);
    for (const v of stored) expect(graph.values[v]!.type.dtype).toBe('q16');
    expect(graph.regions.filter((r) => r.reversible && /block\d+$/.test(r.name)).length).toBeGreaterThan(0);
  });

  it('says what it needs', () => {
    const rank = ranksOf(kind)[0]!;
    expect(modelLimits(small(kind), rank)).toEqual({
      divisor: new Array<number>(rank).fill(4),
      maxHeads: kind === 'revunet3d' ? 2 : 1,
    });
    expect(() => netGraph(small(kind), [1, 1, 8, 6, 8].slice(0, rank + 2))).toThrow('is no multiple of 4');
    expect(() => netGraph(small(kind), [1, 1, 4, 4, 4].slice(0, rank + 2))).toThrow('a single voxel is left');
    const twoD = kind.endsWith('2d');
    if (ranksOf(kind).length === 1)
      expect(() => modelLimits(small(kind), twoD ? 3 : 2)).toThrow(`expected ${rank} spatial axes (${kind})`);
  });

  it('names the same parameters in every storage but for learned resampling', () => {
    const rank = ranksOf(kind)[0]!;
    const names = (more: object) => modelParameters(small(kind, more), 1, rank).map((p) => p.name);
    for (const stream of STREAM_KINDS) expect(names({ stream })).toEqual(names({}));
  });
});

describe('partially reversible U-Net', () => {
  const declared = (config: PartiallyReversibleConfig, inChannels: number): Map<string, readonly number[]> => {
    const found = new Map<string, readonly number[]>();
    trace('net', (g) => {
      applyModel(g.input('x', [1, inChannels, 32, 32, 32]), { kind: 'partially-reversible-unet3d', ...config });
      for (const { name, tensor } of g.parameters()) found.set(name, tensor.shape);
    });
    return found;
  };

  // Bruegger et al. 2019 and its published code.
  it.each<[PartiallyReversibleConfig, number]>([
    [{ classes: 3 }, 12_365_283],
    [{ classes: 3, encoderBlocks: 2 }, 18_248_403],
  ])('%j has as many parameters as published', (config, count) => {
    expect(partiallyReversibleParameterCount(config, 4)).toBe(count);
    expect([...declared(config, 4)]).toEqual(partiallyReversibleParameters(config, 4).map((p) => [p.name, p.shape]));
  });

  it('recovers the skip: decoder and encoder of a level share a grid', () => {
    const graph = netGraph(
      { kind: 'partially-reversible-unet3d', classes: 2, baseChannels: 4, levels: 2 },
      [1, 1, 8, 8],
    );
    const couples = graph.nodes.filter((n) => n.op === 'couple');
    const grid = (name: string) => couples.find((n) => n.name.startsWith(name))!.inputs[2];
    expect(grid('decoder.0.up')).toBe(grid('encoder.0.block0'));
    expect(grid('encoder.1')).not.toBe(grid('encoder.0'));
    expect(graph.regions.map((r) => [r.name, r.reversible])).toEqual([
      ['stem', false],
      ['encoder.0.block0', true],
      ['encoder.1.down', false],
      ['encoder.1.block0', true],
      ['decoder.1.block0', true],
      ['decoder.0.up', false],
      ['decoder.0.block0', true],
      ['head', false],
    ]);
  });

  it('leaves the stream straight into norm and activation, which nothing else reads', () => {
    const graph = netGraph(
      { kind: 'partially-reversible-unet3d', classes: 2, baseChannels: 4, levels: 2 },
      [1, 1, 8, 8],
    );
    const readers = (value: number) => graph.nodes.filter((n) => n.inputs.includes(value));
    const inBlocks = graph.nodes.filter((n) => n.op === 'dequantize' && n.name.includes('block'));
    expect(inBlocks).toHaveLength(8);
    for (const node of inBlocks) {
      const norms = readers(node.outputs[0]!);
      expect(norms.map((n) => n.op)).toEqual(['norm']);
      expect(readers(norms[0]!.outputs[0]!).map((n) => n.op)).toEqual(['unary']);
    }
  });

  it('never has both pieces of the up path at full size', () => {
    const graph = netGraph(
      { kind: 'partially-reversible-unet3d', classes: 2, baseChannels: 4, levels: 2 },
      [1, 1, 8, 8],
    );
    const up = graph.nodes.filter((n) => n.name.startsWith('decoder.0.up')).map((n) => n.op);
    expect(up).toEqual(['dequantize', 'dequantize', 'conv', 'resize', 'couple', 'conv', 'resize', 'couple']);
  });
});

describe('invertibleWidths', () => {
  // Etmann et al. 2020 and its published code.
  it.each([
    ['2D', [64, 128, 256, 384], 4, ['32/32', '64/64', '160/96', '192/192']],
    ['3D', [32, 64, 128, 256], 8, ['24/8', '48/16', '96/32', '128/128']],
    ['odd channels', [5, 9], 8, ['4/1', '4/4']],
  ])('%s', (_, wanted, voxels, expected) => {
    const widths = invertibleWidths(
      wanted,
      wanted.map(() => voxels),
    );
    expect(widths.map(({ skip, go }) => `${skip}/${go}`)).toEqual(expected);
    widths.forEach(({ channels, skip, go }, l) => {
      expect(skip + go).toBe(channels);
      if (l + 1 < widths.length) expect(widths[l + 1]!.channels).toBe(voxels * go);
    });
  });

  it('needs channels to divide', () => {
    expect(() => invertibleWidths([1, 8], [1, 8])).toThrow('enough channels that one can go down and one can stay');
  });
});

describe('fully invertible networks', () => {
  const streamElements = (graph: Graph): Set<number> =>
    // Both pieces of a level together, where a resampled tensor is divided into them.
    new Set(
      graph.nodes
        .filter((n) => n.op === 'split')
        .map((n) => n.outputs.reduce((sum, v) => sum + graph.values[v]!.type.shape.reduce((a, b) => a * b, 1), 0)),
    );

  it.each([['iunet3d'], ['revunet3d']] as const)('%s loses no element on the way down', (kind) => {
    const graph = netGraph(small(kind), [1, 1, 8, 8, 8]);
    const net = kind === 'iunet3d' ? resolveIunet(small(kind) as never, 3) : resolveRevunet(small(kind) as never, 3);
    expect(streamElements(graph)).toEqual(new Set([net.widths[0]!.go * 512, net.widths[1]!.go * 64]));
  });

  it.each(['iunet3d', 'irevunet3d', 'iunet2d', 'irevunet2d'] as const)('%s takes every resampling', (kind) => {
    const rank = ranksOf(kind)[0]!;
    for (const resampling of RESAMPLINGS) {
      for (const stream of STREAM_KINDS) {
        const model = small(kind, { resampling, stream, mixing: 'couplings' });
        const config = { model, inChannels: 1, batch: 1, patch: patchOf(rank) };
        expect(graphFault(trainingStep(config))).toBeUndefined();
        const learned = modelParameters(model, 1, rank).filter((p) =>
          /(down|up)(\.\d)?\.(weight|angles)$/.test(p.name),
        );
        expect(learned.length > 0).toBe(resampling === 'orthogonal');
        for (const { name } of learned) expect(name.endsWith('angles')).toBe(stream.startsWith('q'));
      }
    }
  });

  it('the RevUNet sends the low-pass bands down', () => {
    const graph = netGraph(small('revunet3d'), [1, 1, 8, 8, 8]);
    const down = graph.nodes.find((n) => n.name === 'encoder.1.down.resample')!;
    expect(down.attrs).toMatchObject({ kind: 'lifting', order: 'offsetMajor', form: 'forward' });
    const cut = graph.nodes.find((n) => n.name === 'encoder.1.down.split')!;
    const { go } = resolveRevunet(small('revunet3d') as never, 3).widths[1]!;
    // Offset-major: the means of all channels come first; the next level reads the first piece.
    expect(cut.outputs.map((v) => graph.values[v]!.type.shape[1])[0]).toBe(go);
    const next = graph.nodes.find((n) => n.name === 'encoder.2.down.resample')!;
    const made = graph.nodes.find((n) => n.outputs.includes(next.inputs[0]!))!;
    expect(made.name).toBe('encoder.1.block0.g.couple');
    expect(made.inputs[0]).toBe(cut.outputs[0]);
  });

  it('the RevUNet has heads at lower levels', () => {
    const shapes = (heads: number | undefined): (readonly number[])[] => {
      let found: Tensor[] = [];
      trace('net', (g) => {
        const x = g.input('x', [1, 1, 4, 8, 8]);
        const config = small('revunet3d', { deepSupervision: true, strides: [1, [1, 2, 2], 2] });
        found = applyModel(x, config, heads === undefined ? {} : { heads });
      });
      return found.map((t) => t.shape);
    };
    expect(shapes(undefined)).toEqual([
      [1, 3, 4, 8, 8],
      [1, 3, 4, 4, 4],
    ]);
    expect(shapes(1)).toEqual([[1, 3, 4, 8, 8]]);
  });
});

describe('configurations', () => {
  it.each<[() => unknown, string]>([
    [() => resolvePartiallyReversible({ classes: 0 }, 3), 'expected an integer of at least 1 for `classes`, got 0'],
    [
      () => resolvePartiallyReversible({ classes: 2, baseChannels: 5 }, 3),
      'expected an even number of channels (the stream has two equal pieces) for `baseChannels`, got 5',
    ],
    [
      () => resolvePartiallyReversible({ classes: 2, groups: 7 }, 3),
      'expected a divisor of 30, the channels of a piece for `groups`, got 7',
    ],
    [
      () => resolvePartiallyReversible({ classes: 2, levels: 3, multiples: [1, 2] }, 3),
      'expected 3 entries, one per level for `multiples`, got [1, 2]',
    ],
    [
      () => resolveRevunet({ classes: 2, levels: 3, strides: [1, 1, 2] }, 3),
      'expected a step of more than one voxel on some axis for `strides[1]`, got [1, 1, 1]',
    ],
    [
      () => resolveRevunet({ classes: 2, levels: 2, strides: [1, 3] }, 3),
      'expected steps of 1 or 2 (Haar) for `strides[1]`, got [3, 3, 3]',
    ],
    [
      () => resolveRevunet({ classes: 2, levels: 3, encoderBlocks: [1, 2] }, 3),
      'expected a number, or 3 of them, one per level for `encoderBlocks`, got [1, 2]',
    ],
    [() => resolveRevunet({ classes: 2, dropout: 1 }, 3), 'expected a probability below 1 for `dropout`, got 1'],
    [
      () => resolveIunet({ classes: 2, resampling: 'pool' as never }, 3),
      'expected one of squeeze, haar, orthogonal for `resampling`, got "pool"',
    ],
    [
      () => resolveIrevunet({ classes: 2, baseChannels: 7 }, 3),
      'expected an even number (the stream has two equal pieces) for `baseChannels`, got 7',
    ],
    [
      () => netGraph(small('iunet3d', { stream: 'f16' }), [1, 1, 8, 8, 8]),
      'expected one of f32, bf16, q16, q32 for `stream`, got "f16"',
    ],
    [
      () => netGraph(small('iunet2d'), [1, 1, 8, 8, 8]),
      'expected 2 spatial axes (iunet2d) for `x`, got [1, 1, 8, 8, 8]',
    ],
    [
      () => applyModel(undefined as never, { kind: 'fcn' } as never),
      'expected one of unet3d, partially-reversible-unet3d, revunet3d, iunet3d, iunet2d, irevunet3d, irevunet2d for `model`, got "fcn"',
    ],
  ])('%#', (build, message) => {
    expect(build).toThrow(message);
  });
});
