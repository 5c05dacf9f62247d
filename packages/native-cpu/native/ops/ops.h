/**
 * The kernels, one an operation. What each computes, in which order its operands come and what it returns is written
 * once, in the header comment of the runtime's file of the same name (packages/runtime/src/ops); the files here say how.
 */
#pragma once

#include "../core/tensor.h"

namespace revoxel::ops {

void conv(const Args&);
void convTranspose(const Args&);
void convWeightGrad(const Args&);
void packWeights(const Args&);
void matmul(const Args&);
void binary(const Args&);
void unary(const Args&);
void unaryGrad(const Args&);
void scale(const Args&);
void reduce(const Args&);
void broadcast(const Args&);
void norm(const Args&);
void normGrad(const Args&);
void normAct(const Args&);
void normActGrad(const Args&);
void softmax(const Args&);
void softmaxGrad(const Args&);
void crossEntropy(const Args&);
void crossEntropyGrad(const Args&);
void diceLoss(const Args&);
void diceLossGrad(const Args&);
void pool(const Args&);
void poolGrad(const Args&);
void resize(const Args&);
void resizeGrad(const Args&);
void concat(const Args&);
void slice(const Args&);
void pad(const Args&);
void reshape(const Args&);
void permute(const Args&);
void argmax(const Args&);
void dropout(const Args&);
void cast(const Args&);
void fill(const Args&);
void sumSquares(const Args&);
void sgdUpdate(const Args&);
void adamwUpdate(const Args&);
void assign(const Args&);
void quantize(const Args&);
void dequantize(const Args&);
void couple(const Args&);
void coupleGrad(const Args&);
void streamUpdate(const Args&);
void checkEqual(const Args&);
void normApply(const Args&);
void split(const Args&);
void squeeze(const Args&);
void resample(const Args&);
void resampleGrad(const Args&);
void orthogonal(const Args&);
void orthogonalGrad(const Args&);

}  // namespace revoxel::ops
