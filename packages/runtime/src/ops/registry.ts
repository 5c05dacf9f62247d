/** The table of all operations: one line each. The order is the order of opcodes in encoded plans: append only. */

import { adamwUpdateOp } from './adamw-update.js';
import { argmaxOp } from './argmax.js';
import { assignOp } from './assign.js';
import { binaryOp } from './binary.js';
import { broadcastOp } from './broadcast.js';
import { castOp } from './cast.js';
import { checkEqualOp } from './check-equal.js';
import { concatOp } from './concat.js';
import { convTransposeOp } from './conv-transpose.js';
import { convWeightGradOp } from './conv-weight-grad.js';
import { convOp } from './conv.js';
import { coupleGradOp } from './couple-grad.js';
import { coupleOp } from './couple.js';
import { crossEntropyGradOp } from './cross-entropy-grad.js';
import { crossEntropyOp } from './cross-entropy.js';
import { dequantizeOp } from './dequantize.js';
import { diceLossGradOp } from './dice-loss-grad.js';
import { diceLossOp } from './dice-loss.js';
import { dropoutOp } from './dropout.js';
import { fillOp } from './fill.js';
import { lossScaleUpdateOp } from './loss-scale-update.js';
import { matmulOp } from './matmul.js';
import { normActGradOp } from './norm-act-grad.js';
import { normActOp } from './norm-act.js';
import { normApplyOp } from './norm-apply.js';
import { normGradOp } from './norm-grad.js';
import { normOp } from './norm.js';
import { orthogonalGradOp } from './orthogonal-grad.js';
import { orthogonalOp } from './orthogonal.js';
import { packWeightsOp } from './pack-weights.js';
import { padOp } from './pad.js';
import { permuteOp } from './permute.js';
import { poolGradOp } from './pool-grad.js';
import { poolOp } from './pool.js';
import { quantizeOp } from './quantize.js';
import { reduceOp } from './reduce.js';
import { resampleGradOp } from './resample-grad.js';
import { resampleOp } from './resample.js';
import { reshapeOp } from './reshape.js';
import { resizeGradOp } from './resize-grad.js';
import { resizeOp } from './resize.js';
import { scaleOp } from './scale.js';
import { sgdUpdateOp } from './sgd-update.js';
import { sliceOp } from './slice.js';
import { softmaxGradOp } from './softmax-grad.js';
import { softmaxOp } from './softmax.js';
import { splitOp } from './split.js';
import { squeezeOp } from './squeeze.js';
import { streamUpdateOp } from './stream-update.js';
import { sumSquaresOp } from './sum-squares.js';
import { unaryGradOp } from './unary-grad.js';
import { unaryOp } from './unary.js';

export const OPS = {
  conv: convOp,
  convTranspose: convTransposeOp,
  convWeightGrad: convWeightGradOp,
  packWeights: packWeightsOp,
  matmul: matmulOp,
  binary: binaryOp,
  unary: unaryOp,
  unaryGrad: unaryGradOp,
  scale: scaleOp,
  reduce: reduceOp,
  broadcast: broadcastOp,
  norm: normOp,
  normGrad: normGradOp,
  normAct: normActOp,
  normActGrad: normActGradOp,
  softmax: softmaxOp,
  softmaxGrad: softmaxGradOp,
  crossEntropy: crossEntropyOp,
  crossEntropyGrad: crossEntropyGradOp,
  diceLoss: diceLossOp,
  diceLossGrad: diceLossGradOp,
  pool: poolOp,
  poolGrad: poolGradOp,
  resize: resizeOp,
  resizeGrad: resizeGradOp,
  concat: concatOp,
  slice: sliceOp,
  pad: padOp,
  reshape: reshapeOp,
  permute: permuteOp,
  argmax: argmaxOp,
  dropout: dropoutOp,
  cast: castOp,
  fill: fillOp,
  sumSquares: sumSquaresOp,
  sgdUpdate: sgdUpdateOp,
  adamwUpdate: adamwUpdateOp,
  assign: assignOp,
  quantize: quantizeOp,
  dequantize: dequantizeOp,
  couple: coupleOp,
  coupleGrad: coupleGradOp,
  streamUpdate: streamUpdateOp,
  checkEqual: checkEqualOp,
  normApply: normApplyOp,
  split: splitOp,
  squeeze: squeezeOp,
  resample: resampleOp,
  resampleGrad: resampleGradOp,
  orthogonal: orthogonalOp,
  orthogonalGrad: orthogonalGradOp,
  lossScaleUpdate: lossScaleUpdateOp,
} as const;

export type OpTable = typeof OPS;
export type OpName = keyof OpTable;

/** All names, in opcode order. */
export const OP_NAMES = Object.keys(OPS) as readonly OpName[];
