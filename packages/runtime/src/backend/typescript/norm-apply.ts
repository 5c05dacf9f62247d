/** Fast path of `normApply`: the last phase of `norm` alone, to the same bits. */

import type { KernelContext, KernelOf, KernelTensor } from '../kernel.js';
import { chunksOf, eachChunk } from './moments.js';
import { applyChunk, elementRange, floatSource, stage } from './norm.js';
import type { AttrsFor } from './query.js';

function run(context: KernelContext<AttrsFor<'normApply'>>): void {
  const { attrs, inputs, outputs, part, parts } = context;
  const exponent = inputs[5];
  const floats = (t: KernelTensor | undefined): Float32Array => t!.data as Float32Array;
  const application = {
    x: floatSource(context),
    gamma: floats(inputs[1]),
    beta: floats(inputs[2]),
    mean: floats(inputs[3]),
    rstd: floats(inputs[4]),
    y: floats(outputs[0]),
  };
  const chunks = chunksOf(inputs[0]!.shape);
  eachChunk(chunks, part, parts, (sample, chunk) => {
    if (exponent) stage(context, exponent, elementRange(chunks, sample, chunk));
    applyChunk(attrs, attrs.slope, application, chunks, sample, chunk);
  });
}

export const normApplyKernel: KernelOf<'normApply'> = { parallel: true, run };
