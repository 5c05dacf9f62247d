/** Nodes of operations that have no public function, for tests and benchmarks: the builder's internal `emit`. */

import type { GraphBuilder } from '../graph/builder.js';
import type { Tensor } from '../graph/tensor.js';

interface Emitter {
  emit(op: string, inputs: readonly Tensor[], attrs: object): Tensor[];
}

/** The results of a new node. */
export function emit(g: GraphBuilder, op: string, inputs: readonly Tensor[], attrs: object): Tensor[] {
  return (g as unknown as Emitter).emit(op, inputs, attrs);
}
