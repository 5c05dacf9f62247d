/**
 * Time of augmentation on one core, for a hippocampus-sized sample (1 x 40 x 56 x 40). `sample` walks through the steps of a
 * training run, so its mean is what a worker needs on average; the others are single transforms when they happen.
 */
import type { Triple } from '@revoxel/imaging';
import { bench, describe } from 'vitest';
import { blur } from '../src/augment/blur.js';
import { addNoise, applyGamma, scaleContrast } from '../src/augment/intensity.js';
import { lowerResolution } from '../src/augment/low-resolution.js';
import { defaultAugmentation } from '../src/augment/options.js';
import { shareCase } from '../src/augment/patch-case.js';
import { makeSample } from '../src/augment/sample.js';
import { gatherPatch, spatialMatrix } from '../src/augment/spatial.js';
import { Random } from '../src/data/random.js';
import { randomCase } from '../test/augment/cases.js';

const patch: Triple = [40, 56, 40];
const n = 40 * 56 * 40;
const cases = [1, 2, 3].map((seed) => shareCase(randomCase(`case_${seed}`, [36, 52, 38], 1, seed)));
const options = { patch, batch: 9, seed: 1, augment: defaultAugmentation(patch) };
const image = new Float32Array(n);
const label = new Uint8Array(n);
const matrix = spatialMatrix({ angles: [0.3, -0.2, 0.4], scale: [1.2, 1.2, 1.2] });
const random = new Random({ seed: 2 });
let count = 0;

describe('1 x 40 x 56 x 40', () => {
  bench(
    'sample, all transforms at their probabilities',
    () => {
      makeSample(cases, options, Math.floor(count / 9), count++ % 9, image, label);
    },
    { iterations: 900 },
  );
  bench('rotation and scaling', () => gatherPatch(cases[0]!, [-2, -2, -1], patch, matrix, image, label));
  bench('noise', () => addNoise(image, 0.05, random));
  bench('blur, sigma 0.8', () => blur(image, patch, [0.8, 0.8, 0.8]));
  bench('low resolution', () => lowerResolution(image, patch, [0.7, 0.7, 0.7]));
  bench('contrast', () => scaleContrast(image, 1.001));
  bench('gamma', () => applyGamma(image, 1.001, false));
});
