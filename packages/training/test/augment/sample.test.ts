import type { Triple } from '@revoxel/imaging';
import { describe, expect, it } from 'vitest';
import { defaultAugmentation } from '../../src/augment/options.js';
import type { AugmentOptions } from '../../src/augment/options.js';
import { OUTSIDE } from '../../src/augment/patch-case.js';
import type { PatchCase } from '../../src/augment/patch-case.js';
import { assertSampleOptions, makeSample } from '../../src/augment/sample.js';
import type { SampleOptions } from '../../src/augment/sample.js';
import { randomCase } from './cases.js';

const patch: Triple = [8, 10, 12];
const cases = [randomCase('a', [12, 14, 16], 2, 1), randomCase('b', [7, 20, 13], 2, 2)];
const never = (options: AugmentOptions): AugmentOptions =>
  Object.fromEntries(
    Object.entries(options).map(([k, v]) => [k, typeof v === 'object' ? { ...v, probability: 0 } : v]),
  ) as unknown as AugmentOptions;
const plain: SampleOptions = { patch, batch: 3, seed: 5 };

function make(
  options: SampleOptions,
  step: number,
  sample: number,
  from: readonly PatchCase[] = cases,
): { image: Float32Array; label: Uint8Array; index: number } {
  const n = patch[0] * patch[1] * patch[2];
  const image = new Float32Array(2 * n).fill(NaN);
  const label = new Uint8Array(n).fill(OUTSIDE);
  const index = makeSample(from, options, step, sample, image, label);
  return { image, label, index };
}

describe('makeSample', () => {
  it('is a function of seed, step and sample', () => {
    const options = { ...plain, augment: defaultAugmentation(patch) };
    const first = make(options, 3, 1);
    make(options, 4, 0);
    expect(make(options, 3, 1)).toEqual(first);
    for (const other of [make(options, 4, 1), make(options, 3, 2), make({ ...options, seed: 6 }, 3, 1)])
      expect(other.image).not.toEqual(first.image);
  });

  it('never gives NaN, outside marks or unknown labels, whatever happens', () => {
    const augment = defaultAugmentation(patch);
    const always = Object.fromEntries(
      Object.entries(augment).map(([k, v]) => [
        k,
        typeof v === 'object' ? { ...v, probability: 1, channelProbability: 1 } : v,
      ]),
    ) as unknown as AugmentOptions;
    for (const options of [augment, always]) {
      for (let step = 0; step < 30; step++) {
        const { image, label } = make({ ...plain, augment: options }, step, step % 3);
        expect(image.every((v) => Number.isFinite(v))).toBe(true);
        expect(Math.max(...label)).toBeLessThanOrEqual(2);
      }
    }
  });

  it('chooses cases evenly', () => {
    let second = 0;
    for (let step = 0; step < 1000; step++) second += make(plain, step, 0).index;
    expect(Math.abs(second - 500)).toBeLessThan(5 * Math.sqrt(250));
  });

  it('puts foreground into the last third of each batch', () => {
    // Foreground in one far corner: uniform patches of this large image mostly miss it.
    const large = randomCase('large', [60, 60, 60], 2, 4);
    large.label.fill(0);
    large.label[0] = 1;
    const rare: PatchCase = { ...large, locations: [Uint32Array.of(0), new Uint32Array(0)] };
    const holds = (sample: number): number => {
      let count = 0;
      for (let step = 0; step < 50; step++) if (make(plain, step, sample, [rare]).label.includes(1)) count++;
      return count;
    };
    expect([holds(0), holds(1), holds(2)]).toEqual([0, 0, 50]);
  });

  it.each([
    'rotation',
    'scaling',
    'noise',
    'blur',
    'brightness',
    'contrast',
    'lowResolution',
    'invertedGamma',
    'gamma',
    'mirror',
  ] as const)('%s happens when its probability says so, and changes no other stream', (name) => {
    const augment = defaultAugmentation(patch);
    const off = never(augment);
    const on = { ...off, [name]: { ...augment[name], probability: 1, channelProbability: 1 } } as AugmentOptions;
    const untouched = make({ ...plain, augment: off }, 1, 0);
    const changed = make({ ...plain, augment: on }, 1, 0);
    expect(changed.image).not.toEqual(untouched.image);
    expect(changed.index).toBe(untouched.index);
    const geometric = name === 'rotation' || name === 'scaling' || name === 'mirror';
    if (!geometric) expect(changed.label).toEqual(untouched.label);
  });

  it('keeps masked channels 0 outside the mask', () => {
    const source = { ...cases[0]!, label: cases[0]!.label.map((k, i) => (i % 3 === 0 ? OUTSIDE : k)) };
    const augment = { ...never(defaultAugmentation(patch)), noise: { probability: 1, std: [0.5, 0.6] as const } };
    const options = { ...plain, augment };
    const masked = make({ ...options, maskedChannels: [1] }, 2, 0, [source]);
    const open = make(options, 2, 0, [source]);
    const n = masked.label.length;
    let zeros = 0;
    for (let i = 0; i < n; i++) {
      expect(masked.image[i]).toBe(open.image[i]);
      if (masked.image[n + i] === 0) zeros++;
      else expect(masked.image[n + i]).toBe(open.image[n + i]);
    }
    expect(zeros).toBe(n / 3);
  });

  it('refuses settings that cannot work', () => {
    expect(() => assertSampleOptions({ ...plain, patch: [0, 1, 1] }, cases)).toThrow(/`patch`, got \[0, 1, 1\]/);
    expect(() => assertSampleOptions({ ...plain, batch: 0 }, cases)).toThrow(/`batch`/);
    expect(() => assertSampleOptions({ ...plain, foreground: 2 }, cases)).toThrow(/`foreground`/);
    expect(() => assertSampleOptions(plain, [])).toThrow(/at least one case/);
    expect(() => assertSampleOptions(plain, [cases[0]!, { ...cases[1]!, channels: 1 }])).toThrow(/1 in "b"/);
  });
});
