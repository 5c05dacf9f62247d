/** One-off computations: a tiny plan in a session of its own. There is no other way to run a tensor. */

import type { Backend } from './backend/backend.js';
import { compile } from './compile.js';
import type { DType, HostArray } from './graph/dtype.js';
import { trace, type GraphBuilder } from './graph/builder.js';
import type { Shape } from './graph/shape.js';
import type { Tensor } from './graph/tensor.js';

/** Numbers with a shape, logical C order. */
export interface HostTensor {
  readonly data: HostArray;
  readonly shape: Shape;
  /** Default f32. */
  readonly dtype?: DType;
}

/**
 * Trace `body` over the given tensors, run it once and return its results.
 * @example
 * const { y } = await evaluate(backend, { x: { data: new Float32Array([-1, 2]), shape: [2] } }, (g, { x }) => ({ y: relu(x) }));
 */
export async function evaluate<I extends string, O extends string>(
  backend: Backend,
  inputs: Readonly<Record<I, HostTensor>>,
  body: (graph: GraphBuilder, tensors: Record<I, Tensor>) => Readonly<Record<O, Tensor>>,
  options: { readonly step?: Readonly<Record<string, number>> } = {},
): Promise<Record<O, Required<HostTensor>>> {
  const types = new Map<string, Tensor>();
  const names = Object.keys(inputs) as I[];
  const graph = trace('evaluate', (g) => {
    const tensors = Object.fromEntries(
      names.map((name) => [name, g.input(name, inputs[name].shape, inputs[name].dtype ?? 'f32')]),
    ) as Record<I, Tensor>;
    for (const [name, tensor] of Object.entries<Tensor>(body(g, tensors))) {
      g.output(name, tensor);
      types.set(name, tensor);
    }
  });
  using session = await backend.createSession();
  const executable = await session.load(compile(graph, backend.profile));
  const data = Object.fromEntries(names.map((name) => [name, inputs[name].data]));
  const results = await executable.run(data, options.step ?? {});
  return Object.fromEntries(
    [...types].map(([name, { shape, dtype }]) => [name, { data: results[name]!, shape, dtype }]),
  ) as Record<O, Required<HostTensor>>;
}
