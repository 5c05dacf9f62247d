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
  coupleAdd,
  enter,
  leave,
  openGrid,
  STREAM_KINDS,
  type Grid,
  type Precision,
  type StreamKind,
} from './networks/stream.js';
export {
  affineBlock,
  normAct,
  preActivation,
  reversibleBlock,
  revnetBasic,
  revnetBottleneck,
  type AffineAct,
  type NormKind,
  type Pieces,
  type Residual,
  type ResidualStyle,
  type RevnetOptions,
  type TraceOptions,
  type UnitShape,
} from './networks/reversible-block.js';
export { partiallyReversibleUnet3d } from './networks/partially-reversible-unet.js';
export {
  partiallyReversibleParameterCount,
  partiallyReversibleParameters,
  resolvePartiallyReversible,
  type PartiallyReversibleConfig,
  type ResolvedPartiallyReversible,
} from './networks/partially-reversible-config.js';
export type { InvertibleConfig, ResamplingConfig, ResolvedInvertible } from './networks/invertible-config.js';
export { invertibleWidths, type InvertibleWidth } from './networks/invertible-unet.js';
export { resampleDown, resampleUp, RESAMPLINGS, type Resampling, type ResamplingStyle } from './networks/resampling.js';
export { resolveRevunet, revunet3d, type ResolvedRevunet, type RevunetConfig } from './networks/revunet.js';
export { iunet2d, iunet3d, resolveIunet, type IunetConfig, type ResolvedIunet } from './networks/iunet.js';
export {
  irevunet2d,
  irevunet3d,
  resolveIrevunet,
  type IrevunetConfig,
  type ResolvedIrevunet,
} from './networks/irevunet.js';
export {
  applyModel,
  MODEL_KINDS,
  modelLimits,
  modelParameterCount,
  modelParameters,
  type ApplyModelOptions,
  type ModelConfig,
  type ModelLimits,
} from './networks/model.js';
export { diceCrossEntropy, type DiceCrossEntropyOptions } from './losses/dice-cross-entropy.js';
export { deeplySupervised, deepSupervisionWeights, reduceLabels, supervisedHeads } from './losses/deep-supervision.js';
export { openLossScale, scaledLoss, type LossScaling } from './optimizers/loss-scale.js';
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
