#include "op-table.h"

#include "../ops/ops.h"

namespace revoxel {

Kernel kernelOf(Op op) {
  switch (op) {
    case Op::conv: return ops::conv;
    case Op::convTranspose: return ops::convTranspose;
    case Op::convWeightGrad: return ops::convWeightGrad;
    case Op::packWeights: return ops::packWeights;
    case Op::matmul: return ops::matmul;
    case Op::binary: return ops::binary;
    case Op::unary: return ops::unary;
    case Op::unaryGrad: return ops::unaryGrad;
    case Op::scale: return ops::scale;
    case Op::reduce: return ops::reduce;
    case Op::broadcast: return ops::broadcast;
    case Op::norm: return ops::norm;
    case Op::normGrad: return ops::normGrad;
    case Op::normAct: return ops::normAct;
    case Op::normActGrad: return ops::normActGrad;
    case Op::softmax: return ops::softmax;
    case Op::softmaxGrad: return ops::softmaxGrad;
    case Op::crossEntropy: return ops::crossEntropy;
    case Op::crossEntropyGrad: return ops::crossEntropyGrad;
    case Op::diceLoss: return ops::diceLoss;
    case Op::diceLossGrad: return ops::diceLossGrad;
    case Op::pool: return ops::pool;
    case Op::poolGrad: return ops::poolGrad;
    case Op::resize: return ops::resize;
    case Op::resizeGrad: return ops::resizeGrad;
    case Op::concat: return ops::concat;
    case Op::slice: return ops::slice;
    case Op::pad: return ops::pad;
    case Op::reshape: return ops::reshape;
    case Op::permute: return ops::permute;
    case Op::argmax: return ops::argmax;
    case Op::dropout: return ops::dropout;
    case Op::cast: return ops::cast;
    case Op::fill: return ops::fill;
    case Op::sumSquares: return ops::sumSquares;
    case Op::sgdUpdate: return ops::sgdUpdate;
    case Op::adamwUpdate: return ops::adamwUpdate;
    case Op::assign: return ops::assign;
    case Op::quantize: return ops::quantize;
    case Op::dequantize: return ops::dequantize;
    case Op::couple: return ops::couple;
    case Op::coupleGrad: return ops::coupleGrad;
    case Op::streamUpdate: return ops::streamUpdate;
    case Op::checkEqual: return ops::checkEqual;
    case Op::normApply: return ops::normApply;
    case Op::split: return ops::split;
    case Op::squeeze: return ops::squeeze;
    case Op::resample: return ops::resample;
    case Op::resampleGrad: return ops::resampleGrad;
    case Op::orthogonal: return ops::orthogonal;
    case Op::orthogonalGrad: return ops::orthogonalGrad;
  }
  throw Error("ERR_PLAN", "unknown operation");
}

}  // namespace revoxel
