/** Training reversible networks for real, tiny: losses fall in fixed point, and all storages see nearly the same first loss. Reference backend. */
import { compile, loadBackend } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { inferenceStep, STREAM_KINDS, trainingStep, type ModelConfig, type Precision } from '../src/index.js';

const backend = await loadBackend('reference');

/** A bright disc on a dark, wavy background, in 2D. */
function makeBatch(): { image: Float32Array; labels: Uint8Array } {
  const image = new Float32Array(256);
  const labels = new Uint8Array(256);
  for (let i = 0; i < 256; i++) {
    const inside = Math.hypot((i >> 4) - 6, (i & 15) - 9) < 4;
    labels[i] = inside ? 1 : 0;
    image[i] = (inside ? 1 : -0.5) + 0.4 * Math.sin(0.9 * i);
  }
  return { image, labels };
}

const MODELS: readonly ModelConfig[] = [
  { kind: 'partially-reversible-unet3d', classes: 2, baseChannels: 8, levels: 3 },
  { kind: 'revunet3d', classes: 2, baseChannels: 8, levels: 3, deepSupervision: true },
  { kind: 'iunet2d', classes: 2, baseChannels: 8, levels: 3, mixing: 'couplings' },
  { kind: 'irevunet2d', classes: 2, baseChannels: 4, levels: 3, norm: 'batch', dropout: 0.05 },
];

async function train(model: ModelConfig, steps: number): Promise<{ losses: number[]; exponents: number[] }> {
  using session = await backend.createSession({ seed: 1 });
  const config = { model, inChannels: 1, batch: 1, patch: [16, 16] };
  const step = await session.load(compile(trainingStep({ ...config, optimizer: { kind: 'adamw' } }), backend.profile));
  await session.load(compile(inferenceStep(config), backend.profile));
  const draws = 'dropout' in model ? { seed: 1 } : {};
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const { loss } = await step.run(makeBatch(), { lr: 0.01, step: i, ...draws });
    losses.push(loss![0]!);
  }
  const exponents: number[] = [];
  for (const name of session.names())
    if (name.endsWith('.exponent')) exponents.push(((await session.read(name)) as Float32Array)[0]!);
  return { losses, exponents };
}

describe.each(MODELS)('$kind', (model) => {
  it('learns in 16-bit fixed point', async () => {
    const { losses, exponents } = await train(model, 20);
    expect(losses.at(-1)! - losses[0]!).toBeLessThan(-0.6);
    for (const g of exponents) expect(g).toBeGreaterThanOrEqual(6);
  });

  it('has nearly the same loss in every storage and precision', async () => {
    // Float streams take the orthonormal Haar transform, fixed-point ones that of gain 1: another network where it is used.
    const same = model.kind === 'iunet2d' ? { ...model, resampling: 'squeeze' as const } : model;
    const first = async (stream: (typeof STREAM_KINDS)[number], precision: Precision): Promise<number> =>
      (await train({ ...same, stream, precision } as ModelConfig, 1)).losses[0]!;
    const kinds = model.kind === 'revunet3d' ? (['q16', 'q32'] as const) : STREAM_KINDS;
    const exact = await first(kinds.at(-1)!, 'f32');
    for (const stream of kinds)
      for (const precision of ['f32', 'bf16'] as const)
        expect(Math.abs((await first(stream, precision)) - exact), `${stream} ${precision}`).toBeLessThan(0.05);
  });
});
