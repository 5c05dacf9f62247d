/** Parameter counts against PyTorch (fixtures/make-parameter-counts.py), against published networks, and against the traced graph. */
import { trace } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { unet3d, unetParameterCount, unetParameters, type UnetConfig } from '../src/index.js';
import counts from './fixtures/parameter-counts.json' with { type: 'json' };

interface Row extends UnetConfig {
  readonly name: string;
  readonly rank: number;
  readonly inChannels: number;
  readonly tensors: number;
  readonly parameters: number;
}

describe('parameters of the U-Net', () => {
  it.each(counts.networks as Row[])(
    '$name: as many as PyTorch has',
    ({ name: _, rank, inChannels, tensors, parameters, ...config }) => {
      expect(unetParameterCount(config, inChannels, rank)).toBe(parameters);
      expect(unetParameters(config, inChannels, rank)).toHaveLength(tensors);
    },
  );

  it.each(counts.networks as Row[])(
    '$name: the formula names what the traced network declares',
    ({ name: _, rank, inChannels, tensors: __, parameters: ___, ...config }) => {
      const declared = new Map<string, readonly number[]>();
      trace('net', (g) => {
        unet3d(g.input('x', [1, inChannels, ...new Array<number>(rank).fill(64)]), config);
        for (const { name, tensor } of g.parameters()) declared.set(name, tensor.shape);
      });
      expect(declared).toEqual(new Map(unetParameters(config, inChannels, rank).map((p) => [p.name, p.shape])));
    },
  );

  it('agrees with the published sizes of nnU-Net plans', () => {
    expect(unetParameterCount({ classes: 3, levels: 6, deepSupervision: true }, 1)).toBe(31_196_399);
    expect(unetParameterCount({ classes: 3, levels: 8, maxChannels: 512, deepSupervision: true }, 1, 2)).toBe(
      46_326_581,
    );
  });
});
