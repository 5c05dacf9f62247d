/** The names this package exports. A change here is a change for users: it belongs in the changelog. */
import { expect, it } from 'vitest';
import * as api from '../src/index.js';

it('exports exactly these values', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "MODEL_KINDS",
      "adamw",
      "applyModel",
      "applyOptimizer",
      "clipByGlobalNorm",
      "convNormAct",
      "deepSupervisionWeights",
      "deeplySupervised",
      "diceCrossEntropy",
      "head",
      "inferenceStep",
      "modelLimits",
      "modelParameterCount",
      "modelParameters",
      "reduceLabels",
      "resolveUnet",
      "sgd",
      "supervisedHeads",
      "trainingStep",
      "unet3d",
      "unetParameterCount",
      "unetParameters",
      "upsample",
      "validationStep",
    ]
  `);
});
