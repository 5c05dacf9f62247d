/**
 * The three graphs of a segmentation run: a training step, a validation step, inference. They name the same parameters,
 * so plans made of them share one session. Not here: compiling and running them (@revoxel/training).
 */
import { argmax, cast, gradients, softmax, trace, updateStreams, type Graph } from '@revoxel/runtime';
import { deeplySupervised, deepSupervisionWeights, supervisedHeads } from '../losses/deep-supervision.js';
import { diceCrossEntropy, type DiceCrossEntropyOptions } from '../losses/dice-cross-entropy.js';
import { applyModel, modelLimits, type ModelConfig } from '../networks/model.js';
import { openLossScale, scaledLoss } from '../optimizers/loss-scale.js';
import { applyOptimizer, type OptimizerConfig } from '../optimizers/optimizer.js';

/** Model and sizes that all programs of a run share. */
export interface ProgramConfig {
  readonly model: ModelConfig;
  /** Image channels. */
  readonly inChannels: number;
  /** Samples per batch. */
  readonly batch: number;
  /** Spatial sizes: D, H, W or H, W. */
  readonly patch: readonly number[];
}

/** Configuration of `trainingStep`. */
export interface TrainingStepConfig extends ProgramConfig {
  /** Default: SGD with nnU-Net's settings. */
  readonly optimizer?: OptimizerConfig;
  /** Options of the Dice and cross-entropy loss. */
  readonly loss?: DiceCrossEntropyOptions;
}

/**
 * One step of training: forward, loss (deeply supervised when the model says so), gradients, clipped update, and the
 * grids of fixed-point streams for the next step.
 *
 * Inputs `image` f32 `[batch, inChannels, ...patch]` and `labels` u8 `[batch, 1, ...patch]`; step scalar `lr` (and `step`
 * with AdamW). Outputs `loss` and `gradientNorm` (before clipping), scalars f32. In precision f16 the gradients are those of
 * a scaled loss (states `lossScale` and `lossScale.streak`); a step in which they overflow updates nothing, its norm is 0.
 */
export function trainingStep(config: TrainingStepConfig): Graph {
  const { model, inChannels, batch, patch, loss = {}, optimizer = { kind: 'sgd' } } = config;
  return trace('training', (g) => {
    const image = g.input('image', [batch, inChannels, ...patch]);
    const labels = g.input('labels', [batch, 1, ...patch], 'u8');
    const heads = trainingHeads(model, patch.length);
    const logits = applyModel(image, model, { heads, training: true });
    const total = g.scope('loss', () =>
      deeplySupervised(logits, labels, deepSupervisionWeights(heads), (x, y) => diceCrossEntropy(x, y, loss)),
    );
    const parameters = g.parameters();
    const scaling = model.precision === 'f16' ? openLossScale(g) : undefined;
    const grads = gradients(
      scaledLoss(total, scaling),
      parameters.map((p) => p.tensor),
    );
    g.output('loss', total);
    g.output('gradientNorm', applyOptimizer(optimizer, parameters, grads, scaling));
    updateStreams(g);
  });
}

/**
 * Loss and hard prediction of a batch, without any update.
 *
 * Inputs as in `trainingStep`, no step scalars. Outputs `loss` (full resolution alone, scalar f32) and `prediction` u8
 * `[batch, 1, ...patch]`.
 */
export function validationStep(config: Omit<TrainingStepConfig, 'optimizer'>): Graph {
  const { model, inChannels, batch, patch, loss = {} } = config;
  return trace('validation', (g) => {
    const image = g.input('image', [batch, inChannels, ...patch]);
    const labels = g.input('labels', [batch, 1, ...patch], 'u8');
    const [logits] = applyModel(image, model, { heads: 1 });
    g.output(
      'loss',
      g.scope('loss', () => diceCrossEntropy(logits!, labels, loss)),
    );
    g.output('prediction', argmax(logits!));
  });
}

/**
 * Inference: image in, scores out.
 *
 * Input `image` f32 `[batch, inChannels, ...patch]`, no step scalars. Output `logits`, or `probabilities` (softmax) when
 * asked for, f32 `[batch, classes, ...patch]`.
 */
export function inferenceStep(config: ProgramConfig & { readonly output?: 'logits' | 'probabilities' }): Graph {
  const { model, inChannels, batch, patch, output = 'logits' } = config;
  return trace('inference', (g) => {
    const [raw] = applyModel(g.input('image', [batch, inChannels, ...patch]), model, { heads: 1 });
    const logits = cast(raw!, 'f32');
    g.output(output, output === 'logits' ? logits : softmax(logits));
  });
}

/** Resolutions that enter the training loss. */
function trainingHeads(model: ModelConfig, rank: number): number {
  const deepSupervision = 'deepSupervision' in model ? (model.deepSupervision ?? false) : false;
  if (deepSupervision === false) return 1;
  return deepSupervision === true ? supervisedHeads(modelLimits(model, rank).maxHeads) : deepSupervision;
}
