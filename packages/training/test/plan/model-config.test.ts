/** Wishes for networks: the same words for every kind, and what a kind does not have is refused. */
import { MODEL_KINDS, modelLimits } from '@revoxel/models';
import { describe, expect, it } from 'vitest';
import { isReversible, modelConfig, rankOf, streamOf } from '../../src/plan/model-config.js';

describe('modelConfig', () => {
  it.each(MODEL_KINDS)('takes common wishes for %s', (kind) => {
    const config = modelConfig(kind, 3, { baseChannels: 8, levels: 2, precision: 'bf16' });
    expect(config).toEqual({ kind, classes: 3, baseChannels: 8, levels: 2, precision: 'bf16' });
    expect(modelLimits(config, rankOf(kind)).divisor).toEqual(new Array(rankOf(kind)).fill(2));
  });

  it.each(MODEL_KINDS.filter(isReversible))('takes blocks and a stream for %s', (kind) => {
    const config = modelConfig(kind, 3, { blocks: 2, stream: 'q32' });
    expect(config).toMatchObject(kind === 'revunet3d' ? { encoderBlocks: 2, decoderBlocks: 2 } : { blocks: 2 });
    expect(streamOf(config)).toBe('q32');
    expect(streamOf(modelConfig(kind, 3))).toBe('q16');
  });

  it('refuses them for unet3d', () => {
    expect(() => modelConfig('unet3d', 3, { stream: 'q16' })).toThrow(
      'Expected nothing (unet3d is not reversible) for `stream`, got q16',
    );
    expect(() => modelConfig('unet3d', 3, { blocks: 2 })).toThrow('for `blocks`, got 2');
    expect(streamOf(modelConfig('unet3d', 3))).toBeUndefined();
  });

  it('names the kinds there are', () => {
    expect(() => modelConfig('vnet' as 'unet3d', 3)).toThrow(/^Expected one of unet3d, .* for `model`, got vnet$/);
  });
});
