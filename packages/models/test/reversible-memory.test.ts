/**
 * Exact reversibility of whole networks (docs/reversible.md): however the compiler saves memory,
 * two steps leave the same bits in every parameter, moment, running statistic and grid. Reference backend.
 */
import { compile, loadBackend, type HostArray } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { trainingStep, type ModelConfig } from '../src/index.js';

const backend = await loadBackend('reference');

const MODELS: readonly ModelConfig[] = [
  { kind: 'partially-reversible-unet3d', classes: 2, baseChannels: 8, levels: 3, encoderBlocks: 2 },
  {
    kind: 'partially-reversible-unet3d',
    classes: 2,
    baseChannels: 4,
    levels: 3,
    norm: 'batch',
    dropout: 0.1,
    stream: 'q32',
    precision: 'bf16',
  },
  { kind: 'revunet3d', classes: 2, baseChannels: 8, levels: 3, deepSupervision: true },
  { kind: 'iunet2d', classes: 2, baseChannels: 8, levels: 3, mixing: 'couplings' },
  { kind: 'iunet2d', classes: 2, baseChannels: 8, levels: 2, resampling: 'orthogonal' },
  { kind: 'irevunet2d', classes: 2, baseChannels: 4, levels: 3, norm: 'batch', dropout: 0.1 },
];

const image = Float32Array.from({ length: 256 }, (_, i) => Math.sin(0.9 * i) + (i >> 4 > 7 ? 1 : 0));
const labels = Uint8Array.from({ length: 256 }, (_, i) => (i >> 4 > 7 ? 1 : 0));

describe.each(MODELS)('%j', (model) => {
  const graph = trainingStep({ model, inChannels: 1, batch: 1, patch: [16, 16], optimizer: { kind: 'adamw' } });

  async function twoSteps(memory: 'keep' | 'recompute' | 'invert') {
    using session = await backend.createSession({ seed: 1 });
    const plan = compile(graph, backend.profile, { memory });
    const step = await session.load(plan);
    const draws = 'dropout' in model ? { seed: 1 } : {};
    for (let i = 0; i < 2; i++) await step.run({ image, labels }, { lr: 0.01, step: i, ...draws });
    const values = new Map<string, HostArray>();
    for (const name of session.names()) values.set(name, await session.read(name));
    return { values, bytes: plan.memory.peakBytes };
  }

  it('gives the same bits whether activations are kept, recomputed or inverted', async () => {
    const kept = await twoSteps('keep');
    for (const memory of ['recompute', 'invert'] as const) {
      const other = await twoSteps(memory);
      expect(other.bytes).toBeLessThan(kept.bytes);
      for (const [name, value] of kept.values) expect(other.values.get(name), `${memory}: ${name}`).toEqual(value);
    }
  });
});
