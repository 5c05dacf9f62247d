/**
 * Whole networks on the kernels of the CUDA backend, run by its emulator: training beside the reference, and the same bits
 * under every memory choice. Skipped visibly where the emulated addon is not built.
 */
import { compile, createReferenceBackend, loadBackend, type Backend, type HostArray } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { trainingStep, type ModelConfig } from '../src/index.js';

const backend = await loadBackend('cuda-emulated', { from: import.meta.url }).catch((error: Error) => error);
const missing = backend instanceof Error ? backend.message : undefined;

const PATCH = [8, 8, 16] as const;
const VOXELS = PATCH[0] * PATCH[1] * PATCH[2];
const image = Float32Array.from({ length: VOXELS }, (_, i) => Math.sin(0.9 * i) + (i % 16 > 7 ? 1 : 0));
const labels = Uint8Array.from({ length: VOXELS }, (_, i) => (i % 16 > 7 ? 1 : 0));

/** Small, but wide enough for the tensor-core kernels. */
const MODELS: readonly ModelConfig[] = [
  { kind: 'unet3d', classes: 2, baseChannels: 8, levels: 2, precision: 'bf16' },
  { kind: 'partially-reversible-unet3d', classes: 2, baseChannels: 16, levels: 2, stream: 'q16', precision: 'bf16' },
  { kind: 'iunet3d', classes: 2, baseChannels: 8, levels: 2, precision: 'bf16' },
  { kind: 'partially-reversible-unet3d', classes: 2, baseChannels: 16, levels: 2, stream: 'q16', precision: 'f16' },
];

async function train(on: Backend, model: ModelConfig, memory: 'keep' | 'recompute' | 'invert', steps: number) {
  const optimizer = { kind: 'adamw' } as const;
  const graph = trainingStep({ model, inChannels: 1, batch: 1, patch: PATCH, optimizer });
  using session = await on.createSession({ seed: 1 });
  const step = await session.load(compile(graph, on.profile, { memory }));
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) losses.push((await step.run({ image, labels }, { lr: 0.005, step: i }))['loss']![0]!);
  const values = new Map<string, HostArray>();
  for (const name of session.names()) values.set(name, await session.read(name));
  return { losses, values };
}

describe.skipIf(missing !== undefined)(
  `networks on emulated CUDA kernels${missing ? ` (skipped: ${missing})` : ''}`,
  () => {
    it.each(MODELS.map((model) => [`${model.kind}, ${model.precision}`, model] as const))(
      '%s trains as the reference does',
      { timeout: 300_000 },
      async (_kind, model) => {
        const [expected, actual] = [
          await train(createReferenceBackend(), model, 'keep', 3),
          await train(backend as Backend, model, 'keep', 3),
        ];
        // Narrow inside: weights are rounded likewise for the tensor cores, which the reference does not do.
        expected.losses.forEach((loss, i) =>
          expect(Math.abs(actual.losses[i]! - loss), `step ${i}`).toBeLessThan(0.03),
        );
        expect(actual.losses[2]).toBeLessThan(actual.losses[0]!);
      },
    );

    it.each(MODELS.slice(1).map((model) => [`${model.kind}, ${model.precision}`, model] as const))(
      '%s: invert and recompute give the bits of keep',
      { timeout: 300_000 },
      async (_kind, model) => {
        const kept = await train(backend as Backend, model, 'keep', 2);
        for (const memory of ['recompute', 'invert'] as const) {
          const other = await train(backend as Backend, model, memory, 2);
          expect(other.losses).toEqual(kept.losses);
          for (const [name, value] of kept.values) expect(other.values.get(name), `${memory}: ${name}`).toEqual(value);
        }
      },
    );
  },
);
