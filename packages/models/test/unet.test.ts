/** The U-Net's graph: shapes, regions, names, errors. Numbers are in golden.test.ts. */
import { graphFault, printGraph, trace, type Graph } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { resolveUnet, unet3d, type UnetConfig } from '../src/index.js';

function shapesOf(input: readonly number[], config: UnetConfig): (readonly number[])[] {
  let shapes: (readonly number[])[] = [];
  trace('net', (g) => {
    shapes = unet3d(g.input('x', input), config).map((t) => t.shape);
  });
  return shapes;
}

function netGraph(config: UnetConfig, input: readonly number[] = [1, 1, 16, 16, 16]): Graph {
  return trace('net', (g) => unet3d(g.input('x', input), config).forEach((t, i) => g.output(`logits${i}`, t)));
}

describe('unet3d', () => {
  it('gives logits at full resolution', () => {
    expect(shapesOf([2, 1, 16, 24, 32], { classes: 3, baseChannels: 4, levels: 3 })).toEqual([[2, 3, 16, 24, 32]]);
  });

  it('gives the full resolution first with deep supervision', () => {
    const config = { classes: 2, baseChannels: 4, levels: 4, deepSupervision: true, strides: [1, [1, 2, 2], 2, 2] };
    expect(shapesOf([1, 2, 8, 32, 16], config)).toEqual([
      [1, 2, 8, 32, 16],
      [1, 2, 8, 16, 8],
      [1, 2, 4, 8, 4],
    ]);
  });

  it('takes two spatial axes too', () => {
    expect(shapesOf([1, 1, 32, 16], { classes: 2, baseChannels: 4, levels: 3 })).toEqual([[1, 2, 32, 16]]);
  });

  it('has a region per level and never a concatenation', () => {
    const graph = netGraph({ classes: 3, baseChannels: 4, levels: 3 });
    expect(graph.regions.map((r) => r.name)).toEqual(['encoder.0', 'encoder.1', 'encoder.2', 'decoder.1', 'decoder.0']);
    expect(graphFault(graph)).toBeUndefined();
    expect(graph.nodes.map((n) => n.op)).not.toContain('concat');
    const joined = graph.nodes.filter((n) => n.op === 'conv' && n.attrs.pieces === 2);
    expect(joined.map((n) => n.name)).toEqual(['decoder.1.0.conv.conv', 'decoder.0.0.conv.conv']);
  });

  it('doubles channels up to the cap', () => {
    expect(resolveUnet({ classes: 2, levels: 6 }, 3).channels).toEqual([32, 64, 128, 256, 320, 320]);
  });

  it('prints', () => {
    expect(
      printGraph(netGraph({ classes: 2, baseChannels: 2, levels: 2, convsPerLevel: 1 }, [1, 1, 4, 4])),
    ).toMatchSnapshot();
  });

  it('says which size does not fit', () => {
    expect(() => shapesOf([1, 1, 16, 20, 16], { classes: 2, levels: 4 })).toThrow(
      'axis 3 has size 20, which is no multiple of 8 (4 levels); use such a patch size',
    );
    expect(() => shapesOf([1, 1, 4, 4, 4], { classes: 2, levels: 3 })).toThrow(
      'a single voxel is left at the lowest level',
    );
  });

  it.each<[Partial<UnetConfig>, string]>([
    [{ classes: 0 }, 'expected an integer of at least 1 for `classes`, got 0'],
    [{ levels: 1 }, 'expected an integer of at least 2 for `levels`, got 1'],
    [{ levels: 3, strides: [1, 2] }, 'expected 3 entries, one per level for `strides`, got [1, 2]'],
    [
      { levels: 2, strides: [2, 2] },
      'expected a step of 1: the first level has full resolution for `strides[0]`, got [2, 2, 2]',
    ],
    [
      { levels: 2, kernels: [3, [3, 2, 3]] },
      'expected odd sizes (padding keeps the centre) for `kernels[1]`, got [3, 2, 3]',
    ],
    [
      { levels: 3, deepSupervision: 3 },
      'expected a boolean or a number of heads from 1 to 2 for `deepSupervision`, got 3',
    ],
  ])('refuses %j', (config, message) => {
    expect(() => resolveUnet({ classes: 2, ...config }, 3)).toThrow(message);
  });
});
