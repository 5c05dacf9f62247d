/** The table of all operations: one line each. The order is the order of opcodes in encoded plans: append only. */

import { adamwUpdateOp } from './adamw-update.js';
import { argmaxOp } from './argmax.js';
import { assignOp } from './assign.js';
import { binaryOp } from './binary.js';
import { broadcastOp } from './broadcast.js';
import { castOp } from './cast.js';
import { concatOp } from './concat.js';
import { convOp } from './conv.js';
import { convTransposeOp } from './conv-transpose.js';
import { convWeightGradOp } from './conv-weight-grad.js';
import { crossEntropyOp } from './cross-entropy.js';
import { crossEntropyGradOp } from './cross-entropy-grad.js';
import { diceLossOp } from './dice-loss.js';
import { diceLossGradOp } from './dice-loss-grad.js';
import { dropoutOp } from './dropout.js';
import { fillOp } from './fill.js';
import { matmulOp } from './matmul.js';
import { normOp } from './norm.js';
import { normActOp } from './norm-act.js';
import { normActGradOp } from './norm-act-grad.js';
import { normGradOp } from './norm-grad.js';
import { packWeightsOp } from './pack-weights.js';
import { padOp } from './pad.js';
import { permuteOp } from './permute.js';
import { poolOp } from './pool.js';
import { poolGradOp } from './pool-grad.js';
import { reduceOp } from './reduce.js';
import { reshapeOp } from './reshape.js';
import { resizeOp } from './resize.js';
import { resizeGradOp } from './resize-grad.js';
import { scaleOp } from './scale.js';
import { sgdUpdateOp } from './sgd-update.js';
import { sliceOp } from './slice.js';
import { softmaxOp } from './softmax.js';
import { softmaxGradOp } from './softmax-grad.js';
import { sumSquaresOp } from './sum-squares.js';
import { unaryOp } from './unary.js';
import { unaryGradOp } from './unary-grad.js';

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
} as const;

export type OpTable = typeof OPS;
export type OpName = keyof OpTable;

/** All names, in opcode order. */
export const OP_NAMES = Object.keys(OPS) as readonly OpName[];
