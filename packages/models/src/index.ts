/**
 * @revoxel/models: networks, losses and optimisers as pure functions over runtime tensors. This file only re-exports;
 * test/public-api.test.ts pins the names.
 */
export type { Parameter } from './parameters.js';
export { convNormAct, head, upsample, type BlockStyle } from './networks/layers.js';
export { unet3d } from './networks/unet.js';
export {
  resolveUnet,
  unetParameterCount,
  unetParameters,
  type ParameterSpec,
  type PerAxisSize,
  type ResolvedUnet,
  type UnetConfig,
} from './networks/unet-config.js';
export {
  applyModel,
  MODEL_KINDS,
  modelLimits,
  modelParameterCount,
  modelParameters,
  type ModelConfig,
} from './networks/model.js';
export { diceCrossEntropy, type DiceCrossEntropyOptions } from './losses/dice-cross-entropy.js';
export { deeplySupervised, deepSupervisionWeights, reduceLabels, supervisedHeads } from './losses/deep-supervision.js';
export { clipByGlobalNorm, type Clipping } from './optimizers/clip.js';
export { sgd, type SgdOptions } from './optimizers/sgd.js';
export { adamw, type AdamwOptions } from './optimizers/adamw.js';
export { applyOptimizer, type OptimizerConfig } from './optimizers/optimizer.js';
export {
  inferenceStep,
  trainingStep,
  validationStep,
  type ProgramConfig,
  type TrainingStepConfig,
} from './programs/programs.js';
