/** The reference backend against PyTorch: results and gradients of the case table, and nnU-Net's loss values. */

import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backend/reference/backend.js';
import { evaluate } from '../../src/evaluate.js';
import { add } from '../../src/ops/binary.js';
import { crossEntropy } from '../../src/ops/cross-entropy.js';
import { diceLoss } from '../../src/ops/dice-loss.js';
import { softmax } from '../../src/ops/softmax.js';
import { checkCase, formatFailures } from '../../src/testing/check-backend.js';
import { caseDigest, goldenFolder, loadGolden, type Golden } from '../../src/testing/golden.js';
import { OP_CASES } from '../../src/testing/op-cases.js';

const backend = createReferenceBackend();
const cases = OP_CASES.filter((c) => c.golden);
let golden: Golden;
beforeAll(async () => {
  golden = await loadGolden();
});

describe('reference backend against PyTorch', () => {
  it.each(cases.map((c) => [c.name, c] as const))('%s', async (_name, c) => {
    expect(formatFailures(await checkCase(backend, c, { golden, floats: ['f32'] }))).toBe('');
  });
});

describe('the golden files', () => {
  it('were made from the cases as they are now', () => {
    const digests = Object.fromEntries(cases.map((c) => [c.name, caseDigest(c)]));
    expect(golden.manifest.cases).toEqual(digests);
    expect(golden.manifest.torch).toMatch(/^2\.13\.0/);
    expect(golden.values.size).toBeGreaterThan(cases.length);
  });

  it('are small', async () => {
    expect((await readFile(`${goldenFolder()}/ops.safetensors`)).length).toBeLessThan(1.5e6);
  });
});

describe('nnU-Net (loss values of the framework itself)', () => {
  const shape = [2, 3, 4, 4, 4];
  const logits = { data: Float32Array.from({ length: 384 }, (_, i) => 2 * Math.sin(0.37 * i)), shape };
  const target = (map: (v: number) => number) => ({
    data: Uint8Array.from({ length: 128 }, (_, i) => map((7 * i) % 5)),
    shape: [2, 1, 4, 4, 4],
    dtype: 'u8' as const,
  });
  const loss = async (
    labels: ReturnType<typeof target>,
    options: { readonly batch: boolean; readonly ignore?: number },
  ) => {
    const ignore = options.ignore === undefined ? {} : { ignore: options.ignore };
    const { ce, dice, sum } = await evaluate(backend, { logits, labels }, (_g, t) => {
      const ce = crossEntropy(t.logits, t.labels, ignore);
      const dice = diceLoss(softmax(t.logits), t.labels, options);
      return { ce, dice, sum: add(ce, dice) };
    });
    return [ce.data[0]!, dice.data[0]!, sum.data[0]!] as const;
  };

  it('gives 1.522726 with Dice over the batch, 1.522868 without', async () => {
    const labels = target((v) => (v >= 3 ? 0 : v));
    const [ce, dice, sum] = await loss(labels, { batch: true });
    expect(ce).toBeCloseTo(1.768741, 5);
    expect(dice).toBeCloseTo(-0.246015, 5);
    expect(sum).toBeCloseTo(1.522726, 5);
    const [, perSample, whole] = await loss(labels, { batch: false });
    expect(perSample).toBeCloseTo(-0.245873, 5);
    expect(whole).toBeCloseTo(1.522868, 5);
  });

  it('gives 1.486065 with ignore label 3', async () => {
    const [, , sum] = await loss(
      target((v) => (v === 4 ? 0 : v)),
      { batch: true, ignore: 3 },
    );
    expect(sum).toBeCloseTo(1.486065, 5);
  });
});
