/**
 * What plans say of the partially reversible U-Net's memory, against formulas: the published ones (docs/reversible.md) and
 * those of what is built here, which keeps less. Nothing runs; the profile is the reference's with the fusions that every
 * fast backend has.
 */
import {
  compile,
  gradients,
  referenceProfile,
  trace,
  type BackendProfile,
  type Graph,
  type Plan,
} from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import {
  diceCrossEntropy,
  partiallyReversibleUnet3d,
  trainingStep,
  type PartiallyReversibleConfig,
} from '../src/index.js';

const profile: BackendProfile = { ...referenceProfile, fusions: new Set(['normAct', 'normActGrad'] as const) };
const noScratch: BackendProfile = { ...profile, scratchBytes: () => 0 };

const WIDTHS = [60, 120, 240, 360, 480];
const IN_CHANNELS = 4;

function graphOf(patch: readonly number[], config: Partial<PartiallyReversibleConfig>): Graph {
  return trace('step', (g) => {
    const image = g.input('image', [1, IN_CHANNELS, ...patch]);
    const labels = g.input('labels', [1, 1, ...patch], 'u8');
    const [logits] = partiallyReversibleUnet3d(image, { classes: 3, ...config }, { training: true });
    const loss = diceCrossEntropy(logits!, labels);
    const parameters = g.parameters();
    g.output('loss', loss);
    gradients(
      loss,
      parameters.map((p) => p.tensor),
    ).forEach((t, i) => g.output(`grad/${parameters[i]!.name}`, t));
  });
}

/** Activations, their gradients, workspaces and the image at the fullest step; without labels and parameter gradients. */
function activationBytes(plan: Plan, patch: readonly number[]): number {
  const labels = patch.reduce((p, s) => p * s, 1);
  const { activations, io } = plan.memory.byClass;
  const gradients = plan.outputs
    .filter((o) => o.name.startsWith('grad/'))
    .reduce((sum, o) => sum + plan.values[o.value]!.bytes, 0);
  return activations + io - labels - Math.min(gradients, Math.max(0, io - labels));
}

/** Sizes by level: S_l (both pieces), pooled inputs, image. */
function sizes(patch: readonly number[], bytes: number) {
  const voxels = (l: number): number => patch.reduce((p, s) => p * (s >> l), 1);
  const s = WIDTHS.map((c, l) => c * voxels(l) * bytes);
  const pooled = WIDTHS.slice(1).map((_, l) => WIDTHS[l]! * voxels(l + 1));
  return { s, sum: s.reduce((a, b) => a + b, 0), pooled, image: IN_CHANNELS * voxels(0), voxels };
}

/** The published formulas: levels with `n` blocks in all each. */
function published(
  patch: readonly number[],
  mode: 'keep' | 'partial' | 'skips',
  b: number,
  bg: number,
  bw: number,
  n = 2,
) {
  const { s, sum, pooled, image, voxels } = sizes(patch, b);
  const t = WIDTHS[0]! * voxels(0) * (bg + bw);
  const b0 = image * b;
  const argmax = b0 + pooled.reduce((a, p) => a + p * (b + 1), 0);
  if (mode === 'keep') return s.reduce((a, x) => a + 2 * n * x, 0) + s[0]! + argmax + t;
  if (mode === 'partial') return 2 * sum + argmax + t;
  return sum + b0 + t;
}

const GIB = 2 ** 30;

/** Norm statistics, logits and the low levels' small tensors are in plans and not in formulas. */
function expectWithin(got: number, want: number, part = 0.02): void {
  expect(Math.abs(got / want - 1)).toBeLessThan(part);
}

const SHAPES = [
  [160, 192, 160],
  [128, 128, 128],
] as const;

describe('published formulas', () => {
  it('give the published figures', () => {
    const [brain, cube] = SHAPES;
    const gib = (bytes: number): string => (bytes / GIB).toFixed(2);
    expect(gib(published(brain, 'keep', 4, 4, 4))).toBe('9.42');
    expect(gib(published(brain, 'partial', 4, 4, 4))).toBe('5.41');
    expect(gib(published(brain, 'skips', 2, 2, 2))).toBe('1.86');
    expect(gib(published(cube, 'keep', 4, 4, 4))).toBe('4.02');
    expect(gib(published(cube, 'partial', 4, 4, 4))).toBe('2.31');
    expect(gib(published(cube, 'skips', 2, 2, 2))).toBe('0.80');
  });
});

describe.each(SHAPES.map((s) => [s.join('x'), s] as const))('planned bytes at %s', (_, patch) => {
  const float = graphOf(patch, { stream: 'f32' });
  const fixed = graphOf(patch, { stream: 'q16', precision: 'bf16' });
  const bytes = (graph: Graph, memory: 'keep' | 'invert', cheap = true): number =>
    activationBytes(compile(graph, noScratch, { memory, cheap }), patch);

  it('keep everything, fp32: the formula without what is not needed', () => {
    const got = bytes(float, 'keep', false);
    const { s, pooled, image } = sizes(patch, 4);
    // Per residual function its input and the activated tensor; where a chain ends, its second piece too, which pooling and
    // the up path read (no stored argmax: the maximum is found again; the head is done by then); gradient of the last state.
    // No workspace: the backward pass has what it needs.
    const stored = s.reduce((sum, x) => sum + 4 * x, 0);
    const ends = s.reduce((sum, x, l) => sum + (x / 2) * (l === 0 || l === 4 ? 1 : 2), 0);
    const built = stored + ends + pooled.reduce((a, p) => a + 4 * p, 0) + s[0]! + image * 4;
    expectWithin(got, built);
    expect(got).toBeLessThan(published(patch, 'keep', 4, 4, 4));
  });

  it('keep, fp32, cheap values made again: less by the activated and pooled tensors', () => {
    const { s, sum, pooled } = sizes(patch, 4);
    // Of the function whose gradient is due the activated tensor is there.
    const saved = 2 * sum - s[0]! / 2 + pooled.reduce((a, p) => a + 4 * p, 0);
    expectWithin(bytes(float, 'keep', false) - bytes(float, 'keep'), saved, 0.03);
  });

  it('invert, fp32: the formula without pooled inputs and their argmax', () => {
    const got = bytes(float, 'invert');
    const { sum, s, image } = sizes(patch, 4);
    expectWithin(got, 2 * sum + 2 * s[0]! + 4 * image);
    expect(got).toBeLessThan(published(patch, 'partial', 4, 4, 4));
  });

  it('invert, q16 with bf16 inside: the formula with recovered skips, and an fp32 image', () => {
    const got = bytes(fixed, 'invert');
    // The image is given in fp32, where the formula counts two bytes.
    const { image } = sizes(patch, 2);
    const formula = published(patch, 'skips', 2, 2, 2) + 2 * image;
    expectWithin(got, formula);
  });
});

describe('the table of docs/reversible.md', () => {
  it('is what plans say', () => {
    const [brain] = SHAPES;
    const gib = (graph: Graph, memory: 'keep' | 'invert', cheap: boolean): string =>
      (activationBytes(compile(graph, noScratch, { memory, cheap }), brain) / GIB).toFixed(2);
    const float = graphOf(brain, { stream: 'f32' });
    expect([
      gib(float, 'keep', false),
      gib(float, 'keep', true),
      gib(float, 'invert', true),
      gib(graphOf(brain, { stream: 'q16', precision: 'bf16' }), 'invert', true),
    ]).toEqual(['8.09', '5.49', '5.13', '1.91']);
  });
});

describe('flat in depth', () => {
  const activations = (blocks: number, memory: 'keep' | 'invert'): number => {
    const model = { kind: 'partially-reversible-unet3d', classes: 3, baseChannels: 16, blocks } as const;
    const graph = trainingStep({ model, inChannels: 1, batch: 1, patch: [96, 96, 96] });
    return compile(graph, profile, { memory }).memory.byClass.activations;
  };

  it('peak activations with 1, 2, 4, 8 blocks a level differ by less than a per cent', () => {
    const peaks = [1, 2, 4, 8].map((blocks) => activations(blocks, 'invert'));
    expect(Math.max(...peaks) / Math.min(...peaks)).toBeLessThan(1.01);
  });

  it('keep grows with it', () => {
    expect(activations(4, 'keep') / activations(1, 'keep')).toBeGreaterThan(1.7);
  });
});
