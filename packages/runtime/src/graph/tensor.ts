/** A symbolic tensor: a handle on one value of a graph that is being traced. It holds no numbers. */

import type { TensorType } from '../ops/op.js';
import type { GraphBuilder } from './builder.js';
import type { DType } from './dtype.js';
import type { ValueId } from './graph.js';
import type { Shape } from './shape.js';

export class Tensor {
  /** The graph this tensor belongs to: declares parameters, scopes and regions. */
  readonly graph: GraphBuilder;
  /** @internal */
  readonly id: ValueId;
  readonly type: TensorType;

  /** @internal tensors come from a GraphBuilder */
  constructor(graph: GraphBuilder, id: ValueId, type: TensorType) {
    this.graph = graph;
    this.id = id;
    this.type = type;
  }

  /** Sizes in logical order: N, C, spatial axes. */
  get shape(): Shape {
    return this.type.shape;
  }

  get dtype(): DType {
    return this.type.dtype;
  }
}
