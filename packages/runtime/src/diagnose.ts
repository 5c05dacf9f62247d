/**
 * Finding where numbers went wrong: runs the forward and backward part of a step again with every intermediate value
 * as an output and names the first that is not finite. Nothing is updated. Needs memory for all values at once, so it
 * is for faults, not for every step.
 */

import type { Session } from './backend/backend.js';
import { compile } from './compile.js';
import { NumericalError } from './errors.js';
import { fromElement, isFloat, type DType, type HostArray } from './graph/dtype.js';
import type { Graph, ValueId } from './graph/graph.js';
import { Rewriter } from './lower/rewrite.js';
import type { OpDefinition } from './ops/op.js';
import { OPS } from './ops/registry.js';

/**
 * The first value of a step that is NaN or infinite, in program order.
 * @param graph - the traced step; @param session - holds its parameters.
 * @param inputs - as for `Executable.run`; @param step - likewise.
 * @returns a NumericalError naming a parameter, an input or the node that made the value; undefined if all are finite.
 */
export async function findNonFinite(
  graph: Graph,
  session: Session,
  inputs: Readonly<Record<string, HostArray>>,
  step: Readonly<Record<string, number>> = {},
): Promise<NumericalError | undefined> {
  const known = new Set(session.names());
  for (const { origin, type } of graph.values) {
    if (origin.kind === 'input') {
      const fault = isFloat(type.dtype) ? firstFault(inputs[origin.name]!, type.dtype) : undefined;
      if (fault) return new NumericalError(origin.name, `the input has ${fault}`);
    }
    if ((origin.kind === 'parameter' || origin.kind === 'state') && known.has(origin.name)) {
      const fault = firstFault(await session.read(origin.name), type.dtype);
      if (fault) return new NumericalError(origin.name, `the ${origin.kind} has ${fault}; restore the last checkpoint`);
    }
  }
  const exposed = exposeAll(graph);
  const executable = await session.load(compile(exposed, session.backend.profile));
  const results = await executable.run(inputs, step);
  for (const { name, value } of exposed.outputs) {
    const { type, origin } = exposed.values[value]!;
    const fault = firstFault(results[name]!, type.dtype);
    if (fault && origin.kind === 'node')
      return new NumericalError(name, `result of ${exposed.nodes[origin.node]!.op} has ${fault}`);
  }
  return undefined;
}

/** The graph without updates, every float result an output, in program order. */
function exposeAll(graph: Graph): Graph {
  const rewriter = new Rewriter({ ...graph, outputs: [] });
  const dropped = new Set<ValueId>();
  for (const node of graph.nodes) {
    if ((OPS[node.op] as OpDefinition).effect === 'state' || node.inputs.some((v) => dropped.has(v))) {
      for (const v of node.outputs) dropped.add(v);
      continue;
    }
    rewriter.copy(node).forEach((tensor, i) => {
      if (isFloat(tensor.dtype)) rewriter.builder.output(i === 0 ? node.name : `${node.name}.${i}`, tensor);
    });
  }
  return rewriter.finish();
}

function firstFault(data: HostArray, dtype: DType): string | undefined {
  for (let i = 0; i < data.length; i++) {
    const x = fromElement(dtype, data[i]!);
    if (!Number.isFinite(x)) return `${Number.isNaN(x) ? 'NaN' : 'an infinity'} at element ${i}`;
  }
  return undefined;
}
