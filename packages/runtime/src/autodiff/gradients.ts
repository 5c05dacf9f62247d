/**
 * Reverse-mode differentiation, emitted into the graph being traced. Nodes are visited in reverse program order and
 * partial gradients of a value are summed in the order in which they arrive, so the order of every sum is fixed by
 * the program alone. Gradients of fixed-point values (q16, q32) are floats in value units: rounding and wrapping have
 * derivative 1 (straight through). Backward nodes carry the region of the forward node they belong to and are named after it.
 */

import { ArgumentError, RevoxelError } from '../errors.js';
import { isDifferentiable, isFloat } from '../graph/dtype.js';
import type { ValueId } from '../graph/graph.js';
import type { Tensor } from '../graph/tensor.js';
import { add } from '../ops/binary.js';
import { cast } from '../ops/cast.js';
import { fill } from '../ops/fill.js';
import { OPS } from '../ops/registry.js';
import type { OpDefinition } from '../ops/op.js';

export interface GradientOptions {
  /** Gradient of the quantity of interest with respect to `loss`, a scalar; default 1 (a loss scale, for instance). */
  readonly seed?: Tensor;
}

/**
 * Gradients of a scalar with respect to tensors of the same graph.
 * @param loss - scalar f32.
 * @param wrt - float tensors; parameters, inputs or intermediate values.
 * @returns one tensor per entry of `wrt`, of its shape and dtype (zeros where the loss does not depend on it).
 * @throws ArgumentError if loss is not a float scalar; RevoxelError ERR_NO_GRADIENT if an operation on the way has no gradient.
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[], options: GradientOptions = {}): Tensor[] {
  const g = loss.graph;
  if (loss.shape.length !== 0 || !isFloat(loss.dtype))
    throw new ArgumentError('loss', 'a float scalar', `${loss.dtype} [${loss.shape.join(', ')}]`);
  for (const t of wrt) if (!isFloat(t.dtype)) throw new ArgumentError('wrt', 'float tensors', t.dtype);

  const nodes = [...g.nodeList()];
  const active = activeValues(nodes, wrt);
  const partials = new Map<ValueId, Tensor>();

  const accumulate = (value: ValueId, partial: Tensor): void => {
    const sum = partials.get(value);
    partials.set(value, sum ? add(sum, cast(partial, sum.dtype)) : partial);
  };

  g.phase('backward', () => accumulate(loss.id, options.seed ?? fill(g, [], 1, loss.dtype)));

  for (const node of nodes.reverse()) {
    const needs = node.inputs.map((v) => active.has(v));
    if (!needs.some(Boolean)) continue;
    const grads = node.outputs.map((v) => partials.get(v) ?? null);
    if (grads.every((t) => t === null)) continue;
    const op: OpDefinition = OPS[node.op];
    if (!op.gradient) {
      throw new RevoxelError(
        'ERR_NO_GRADIENT',
        `${node.op} "${node.name}" has no gradient, but the loss depends on trainable values through it`,
      );
    }
    g.at({ path: `${node.name}:grad`, region: node.region, phase: 'backward', order: node.order }, () => {
      const inputGrads = op.gradient!({
        attrs: node.attrs as never,
        inputs: node.inputs.map((v) => g.tensor(v)),
        outputs: node.outputs.map((v) => g.tensor(v)),
        grads,
        needs,
      });
      inputGrads.forEach((partial, i) => {
        if (partial && needs[i]) accumulate(node.inputs[i]!, partial);
      });
    });
  }
  return wrt.map((t) => partials.get(t.id) ?? g.phase('backward', () => fill(g, t.shape, 0, t.dtype)));
}

/** Float and fixed-point values that depend on one of `wrt`. */
function activeValues(
  nodes: readonly { inputs: readonly ValueId[]; outputs: readonly ValueId[] }[],
  wrt: readonly Tensor[],
): Set<ValueId> {
  const active = new Set(wrt.map((t) => t.id));
  const graph = wrt[0]?.graph;
  for (const node of nodes) {
    if (!node.inputs.some((v) => active.has(v))) continue;
    for (const v of node.outputs) if (isDifferentiable(graph!.tensor(v).dtype)) active.add(v);
  }
  return active;
}
