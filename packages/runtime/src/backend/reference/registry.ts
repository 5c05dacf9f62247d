/** The reference kernels, one line per operation. A missing operation does not compile. */

import type { KernelTable } from '../kernel.js';
import { adamwUpdateKernel } from './adamw-update.js';
import { argmaxKernel } from './argmax.js';
import { assignKernel } from './assign.js';
import { binaryKernel } from './binary.js';
import { broadcastKernel } from './broadcast.js';
import { castKernel } from './cast.js';
import { checkEqualKernel } from './check-equal.js';
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
import { dropoutKernel } from './dropout.js';
import { fillKernel } from './fill.js';
import { lossScaleUpdateKernel } from './loss-scale-update.js';
import { matmulKernel } from './matmul.js';
import { normKernel } from './norm.js';
import { normActKernel } from './norm-act.js';
import { normActGradKernel } from './norm-act-grad.js';
import { normApplyKernel } from './norm-apply.js';
import { normGradKernel } from './norm-grad.js';
import { orthogonalKernel } from './orthogonal.js';
import { orthogonalGradKernel } from './orthogonal-grad.js';
import { packWeightsKernel } from './pack-weights.js';
import { padKernel } from './pad.js';
import { permuteKernel } from './permute.js';
import { poolKernel } from './pool.js';
import { poolGradKernel } from './pool-grad.js';
import { quantizeKernel } from './quantize.js';
import { reduceKernel } from './reduce.js';
import { resampleKernel } from './resample.js';
import { resampleGradKernel } from './resample-grad.js';
import { reshapeKernel } from './reshape.js';
import { resizeKernel } from './resize.js';
import { resizeGradKernel } from './resize-grad.js';
import { scaleKernel } from './scale.js';
import { sgdUpdateKernel } from './sgd-update.js';
import { sliceKernel } from './slice.js';
import { softmaxKernel } from './softmax.js';
import { softmaxGradKernel } from './softmax-grad.js';
import { splitKernel } from './split.js';
import { squeezeKernel } from './squeeze.js';
import { streamUpdateKernel } from './stream-update.js';
import { sumSquaresKernel } from './sum-squares.js';
import { unaryKernel } from './unary.js';
import { unaryGradKernel } from './unary-grad.js';

export const REFERENCE_KERNELS: KernelTable = {
  conv: convKernel,
  convTranspose: convTransposeKernel,
  convWeightGrad: convWeightGradKernel,
  packWeights: packWeightsKernel,
  matmul: matmulKernel,
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
  pool: poolKernel,
  poolGrad: poolGradKernel,
  resize: resizeKernel,
  resizeGrad: resizeGradKernel,
  concat: concatKernel,
  slice: sliceKernel,
  pad: padKernel,
  reshape: reshapeKernel,
  permute: permuteKernel,
  argmax: argmaxKernel,
  dropout: dropoutKernel,
  cast: castKernel,
  fill: fillKernel,
  sumSquares: sumSquaresKernel,
  sgdUpdate: sgdUpdateKernel,
  adamwUpdate: adamwUpdateKernel,
  assign: assignKernel,
  quantize: quantizeKernel,
  dequantize: dequantizeKernel,
  couple: coupleKernel,
  coupleGrad: coupleGradKernel,
  streamUpdate: streamUpdateKernel,
  checkEqual: checkEqualKernel,
  normApply: normApplyKernel,
  split: splitKernel,
  squeeze: squeezeKernel,
  resample: resampleKernel,
  resampleGrad: resampleGradKernel,
  orthogonal: orthogonalKernel,
  orthogonalGrad: orthogonalGradKernel,
  lossScaleUpdate: lossScaleUpdateKernel,
};
