/**
 * Trainable parameters of a graph, in the order in which a network declares them.
 *
 * Not a layer system: networks are plain functions. A network declares its parameters through `parameter`, and an
 * optimiser finds them again through `parametersOf`; nothing else is shared between the two.
 */
import type { GraphBuilder, Initializer, Shape, Tensor } from '@revoxel/runtime';

/** A trainable tensor and its full scoped name, which is its name in checkpoints. */
export interface Parameter {
  readonly name: string;
  readonly tensor: Tensor;
}

const declared = new WeakMap<GraphBuilder, Parameter[]>();

/**
 * Declare a trainable fp32 tensor in the current scope.
 *
 * @param name - inside the current scope.
 * @param shape - logical shape, every size at least 1.
 * @param init - initial values, drawn from (seed, full name), so that they do not depend on the order of declarations.
 */
export function parameter(graph: GraphBuilder, name: string, shape: Shape, init: Initializer): Tensor {
  const tensor = graph.parameter(name, shape, init);
  const list = declared.get(graph) ?? [];
  list.push({ name: graph.scopedName(name), tensor });
  declared.set(graph, list);
  return tensor;
}

/** Parameters declared so far through `parameter`, in order. */
export function parametersOf(graph: GraphBuilder): readonly Parameter[] {
  return declared.get(graph) ?? [];
}
