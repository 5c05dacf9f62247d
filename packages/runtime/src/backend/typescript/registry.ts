/** The kernels of the `typescript` backend: fast paths, one line each, over the reference for everything else. */

import type { KernelTable } from '../kernel.js';
import { REFERENCE_KERNELS } from '../reference/registry.js';
import { adamwUpdateKernel } from './adamw-update.js';
import { binaryKernel } from './binary.js';
import { broadcastKernel } from './broadcast.js';
import { concatKernel } from './concat.js';
import { convKernel } from './conv.js';
import { convTransposeKernel } from './conv-transpose.js';
import { convWeightGradKernel } from './conv-weight-grad.js';
import { coupleKernel } from './couple.js';
import { coupleGradKernel } from './couple-grad.js';
import { crossEntropyKernel } from './cross-entropy.js';
import { crossEntropyGradKernel } from './cross-entropy-grad.js';
import { dequantizeKernel } from './dequantize.js';
import { diceLossKernel } from './dice-loss.js';
import { diceLossGradKernel } from './dice-loss-grad.js';
import { normKernel } from './norm.js';
import { normActKernel } from './norm-act.js';
import { normActGradKernel } from './norm-act-grad.js';
import { normApplyKernel } from './norm-apply.js';
import { normGradKernel } from './norm-grad.js';
import { packWeightsKernel } from './pack-weights.js';
import { padKernel } from './pad.js';
import { permuteKernel } from './permute.js';
import { quantizeKernel } from './quantize.js';
import { reduceKernel } from './reduce.js';
import { resampleKernel } from './resample.js';
import { resampleGradKernel } from './resample-grad.js';
import { scaleKernel } from './scale.js';
import { sgdUpdateKernel } from './sgd-update.js';
import { sliceKernel } from './slice.js';
import { softmaxKernel } from './softmax.js';
import { softmaxGradKernel } from './softmax-grad.js';
import { splitKernel } from './split.js';
import { squeezeKernel } from './squeeze.js';
import { sumSquaresKernel } from './sum-squares.js';
import { unaryKernel } from './unary.js';
import { unaryGradKernel } from './unary-grad.js';

export const TYPESCRIPT_KERNELS: KernelTable = {
  ...REFERENCE_KERNELS,
  conv: convKernel,
  convTranspose: convTransposeKernel,
  convWeightGrad: convWeightGradKernel,
  packWeights: packWeightsKernel,
  binary: binaryKernel,
  unary: unaryKernel,
  unaryGrad: unaryGradKernel,
  scale: scaleKernel,
  reduce: reduceKernel,
  broadcast: broadcastKernel,
  norm: normKernel,
  normGrad: normGradKernel,
  normAct: normActKernel,
  normActGrad: normActGradKernel,
  softmax: softmaxKernel,
  softmaxGrad: softmaxGradKernel,
  crossEntropy: crossEntropyKernel,
  crossEntropyGrad: crossEntropyGradKernel,
  diceLoss: diceLossKernel,
  diceLossGrad: diceLossGradKernel,
  concat: concatKernel,
  slice: sliceKernel,
  pad: padKernel,
  permute: permuteKernel,
  sumSquares: sumSquaresKernel,
  sgdUpdate: sgdUpdateKernel,
  adamwUpdate: adamwUpdateKernel,
  quantize: quantizeKernel,
  dequantize: dequantizeKernel,
  couple: coupleKernel,
  coupleGrad: coupleGradKernel,
  normApply: normApplyKernel,
  split: splitKernel,
  squeeze: squeezeKernel,
  resample: resampleKernel,
  resampleGrad: resampleGradKernel,
};
