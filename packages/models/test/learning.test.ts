/** Training for real, tiny: the loss of a fixed batch falls, clipping bounds the step, plans share parameters. Reference backend. */
import { compile, loadBackend, type Session } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import {
  inferenceStep,
  modelParameters,
  trainingStep,
  validationStep,
  type ModelConfig,
  type OptimizerConfig,
} from '../src/index.js';

const backend = await loadBackend('reference');
const model: ModelConfig = { kind: 'unet3d', classes: 2, baseChannels: 4, levels: 3, deepSupervision: true };
const config = { model, inChannels: 1, batch: 2, patch: [16, 16] };

/** A bright disc on a dark, wavy background, at another place in each sample. */
function makeBatch(): { image: Float32Array; labels: Uint8Array } {
  const image = new Float32Array(2 * 256);
  const labels = new Uint8Array(2 * 256);
  for (let i = 0; i < 512; i++) {
    const [n, y, x] = [i >> 8, (i >> 4) & 15, i & 15];
    const inside = Math.hypot(y - 5 - 4 * n, x - 9 + 3 * n) < 4;
    labels[i] = inside ? 1 : 0;
    image[i] = (inside ? 1 : -0.5) + 0.4 * Math.sin(0.9 * i);
  }
  return { image, labels };
}

async function train(
  session: Session,
  optimizer: OptimizerConfig,
  steps: number,
  lr: number,
): Promise<{ losses: number[]; norms: number[] }> {
  const step = await session.load(compile(trainingStep({ ...config, optimizer }), backend.profile));
  const losses: number[] = [];
  const norms: number[] = [];
  for (let i = 0; i < steps; i++) {
    const scalars = optimizer.kind === 'adamw' ? { lr, step: i } : { lr };
    const { loss, gradientNorm } = await step.run(makeBatch(), scalars);
    losses.push(loss![0]!);
    norms.push(gradientNorm![0]!);
  }
  return { losses, norms };
}

describe('training', () => {
  it('AdamW learns a fixed batch', async () => {
    using session = await backend.createSession({ seed: 1 });
    const { losses } = await train(session, { kind: 'adamw' }, 15, 0.02);
    expect(losses[0]).toBeGreaterThan(0.5);
    expect(losses.at(-1)).toBeLessThan(-0.1);
  });

  it('SGD learns a fixed batch, and validation and inference see what was learnt', async () => {
    using session = await backend.createSession({ seed: 1 });
    const { losses } = await train(session, { kind: 'sgd', momentum: 0.9 }, 25, 0.02);
    expect(losses[0]).toBeGreaterThan(0.5);
    expect(losses.at(-1)).toBeLessThan(-0.7);

    const { image, labels } = makeBatch();
    const validation = await session.load(compile(validationStep(config), backend.profile));
    const { loss, prediction } = await validation.run({ image, labels });
    expect(loss![0]).toBeLessThan(-0.6);
    const right = labels.filter((label, i) => label === prediction![i]).length;
    expect(right / labels.length).toBeGreaterThan(0.95);

    const inference = await session.load(
      compile(inferenceStep({ ...config, batch: 1, output: 'probabilities' }), backend.profile),
    );
    const { probabilities } = await inference.run({ image: image.slice(0, 256) });
    for (let i = 0; i < 256; i++) {
      expect(probabilities![i]! + probabilities![256 + i]!).toBeCloseTo(1, 5);
      expect(probabilities![256 + i]! > 0.5 ? 1 : 0).toBe(prediction![i]);
    }
  });

  it('moves no weight further than clipping allows', async () => {
    const names = modelParameters({ ...model, deepSupervision: false }, 1, 2).map((p) => p.name);
    const snapshot = async (session: Session): Promise<Float32Array[]> => {
      const out: Float32Array[] = [];
      for (const name of names) out.push((await session.read(name)) as Float32Array);
      return out;
    };
    const distance = async (clipNorm: number | null): Promise<{ moved: number; norm: number }> => {
      using session = await backend.createSession({ seed: 1 });
      await session.load(compile(inferenceStep(config), backend.profile));
      const before = await snapshot(session);
      const { norms } = await train(
        session,
        { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0, clipNorm },
        1,
        1,
      );
      const after = await snapshot(session);
      let squares = 0;
      after.forEach((x, p) => x.forEach((v, i) => (squares += (v - before[p]![i]!) ** 2)));
      return { moved: Math.sqrt(squares), norm: norms[0]! };
    };
    // Plain SGD with a learning rate of 1 moves the weights by exactly the (clipped) gradient.
    const free = await distance(null);
    expect(free.moved).toBeCloseTo(free.norm, 4);
    const bound = free.norm / 3;
    const clipped = await distance(bound);
    expect(clipped.norm).toBeCloseTo(free.norm, 5);
    expect(clipped.moved).toBeCloseTo(bound, 4);
  });
});
