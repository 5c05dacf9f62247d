/**
 * Numbers of the network and the losses against nnU-Net's: the same parameters and inputs by formula, sums of the outputs
 * of the original classes (float32), and the values of its compound loss. Run on the reference backend, the oracle.
 */
import { compile, evaluate, loadBackend, trace } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { diceCrossEntropy, reduceLabels, unet3d, unetParameters, type UnetConfig } from '../src/index.js';

const backend = await loadBackend('reference');

const sumOf = (x: ArrayLike<number>, f: (v: number) => number): number =>
  Array.from(x).reduce((sum, v) => sum + f(v), 0);

describe('plain U-Net, forward', () => {
  const config: UnetConfig = {
    classes: 3,
    baseChannels: 4,
    levels: 3,
    kernels: [[1, 3, 3], 3, 3],
    strides: [1, [1, 2, 2], 2],
    deepSupervision: true,
  };

  it('gives the logits of the original network', async () => {
    using session = await backend.createSession();
    const plan = compile(
      trace('net', (g) => unet3d(g.input('x', [1, 1, 4, 8, 8]), config).forEach((t, i) => g.output(`y${i}`, t))),
      backend.profile,
    );
    const net = await session.load(plan);
    for (const [p, { name }] of unetParameters(config, 1).entries()) {
      const { shape } = session.describe(name);
      const count = shape.reduce((a, b) => a * b, 1);
      const one = name.endsWith('norm.weight') ? 1 : 0;
      await session.write(
        name,
        Float32Array.from({ length: count }, (_, k) => one + 0.1 * Math.sin(0.7 * k + 0.3 * p)),
      );
    }
    const { y0, y1 } = await net.run({ x: Float32Array.from({ length: 256 }, (_, i) => Math.cos(0.05 * i)) });

    expect(sumOf(y0!, (v) => v)).toBeCloseTo(66.3811, 3);
    expect(sumOf(y0!, Math.abs)).toBeCloseTo(91.4382, 3);
    [0.10505, 0.10262, 0.10089, 0.10126].forEach((v, i) => expect(y0![i]).toBeCloseTo(v, 4));
    expect(y0!.at(-1)).toBeCloseTo(0.02552, 4);
    expect(sumOf(y1!, (v) => v)).toBeCloseTo(16.5698, 3);
    expect(sumOf(y1!, Math.abs)).toBeCloseTo(21.7591, 3);
    [0.2015, 0.13186, 0.14577, -0.04532].forEach((v, i) => expect(y1![i]).toBeCloseTo(v, 4));
    expect(y1!.at(-1)).toBeCloseTo(0.03325, 4);
  });
});

describe('Dice and cross-entropy', () => {
  const logits = { data: Float32Array.from({ length: 384 }, (_, i) => 2 * Math.sin(0.37 * i)), shape: [2, 3, 4, 4, 4] };
  const labelsOf = (f: (v: number) => number) => ({
    data: Uint8Array.from({ length: 128 }, (_, i) => f((7 * i) % 5)),
    shape: [2, 1, 4, 4, 4],
    dtype: 'u8' as const,
  });

  it.each([
    ['Dice over the batch', true, 1.522726],
    ['Dice per sample', false, 1.522868],
  ])('%s', async (_, batchDice, expected) => {
    const { loss } = await evaluate(backend, { logits, labels: labelsOf((v) => (v >= 3 ? 0 : v)) }, (_g, t) => ({
      loss: diceCrossEntropy(t.logits, t.labels, { batchDice }),
    }));
    expect(loss.data[0]).toBeCloseTo(expected, 5);
  });

  it('leaves the ignore label out', async () => {
    const { loss } = await evaluate(backend, { logits, labels: labelsOf((v) => (v === 4 ? 0 : v)) }, (_g, t) => ({
      loss: diceCrossEntropy(t.logits, t.labels, { batchDice: true, ignore: 3 }),
    }));
    expect(loss.data[0]).toBeCloseTo(1.486065, 5);
  });

  it('weighs its terms', async () => {
    const labels = labelsOf((v) => (v >= 3 ? 0 : v));
    const { a, b } = await evaluate(backend, { logits, labels }, (_g, t) => ({
      a: diceCrossEntropy(t.logits, t.labels, { batchDice: true, weightDice: 0 }),
      b: diceCrossEntropy(t.logits, t.labels, { batchDice: true, weightCrossEntropy: 0 }),
    }));
    expect(a.data[0]).toBeCloseTo(1.768741, 5);
    expect(b.data[0]).toBeCloseTo(-0.246015, 5);
  });
});

describe('reduceLabels', () => {
  it.each([
    ['factor 2', [2, 4], [1, 2], [5, 7]],
    ['factor 3 keeps the middle', [3, 3], [1, 1], [4]],
    ['one axis alone', [2, 4], [2, 2], [1, 3, 5, 7]],
    ['nothing to do', [2, 2], [2, 2], [0, 1, 2, 3]],
  ])('%s', async (_, size, target, expected) => {
    const count = size.reduce((a, b) => a * b, 1);
    const labels = {
      data: Uint8Array.from({ length: count }, (_v, i) => i),
      shape: [1, 1, ...size],
      dtype: 'u8' as const,
    };
    const { y } = await evaluate(backend, { labels }, (_g, t) => ({ y: reduceLabels(t.labels, target) }));
    expect(Array.from(y.data)).toEqual(expected);
  });
});
