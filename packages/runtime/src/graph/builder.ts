/**
 * Tracing: a plain TypeScript function over symbolic tensors leaves a graph behind. The builder knows scopes (names),
 * regions (units of the memory choice) and phases (forward, backward, update).
 */

import { ArgumentError, RevoxelError, ShapeError } from '../errors.js';
import { inferTypes, type TensorType } from '../ops/op.js';
import { OPS, type OpName, type OpTable } from '../ops/registry.js';
import type { AttrsOf } from '../ops/schema.js';
import { DTYPES, type DType } from './dtype.js';
import type { Graph, GraphNode, NodeId, Origin, Phase, Region, StateRole, Value, ValueId } from './graph.js';
import type { Initializer } from './initializer.js';
import type { Shape } from './shape.js';
import { Tensor } from './tensor.js';

export class GraphBuilder {
  readonly name: string;
  private readonly values: Value[] = [];
  private readonly nodes: GraphNode[] = [];
  private readonly regions: Region[] = [];
  private readonly outputs: { name: string; value: ValueId }[] = [];
  private readonly leaves = new Map<string, Tensor>();
  private readonly nodeNames = new Map<string, number>();
  private path = '';
  private currentRegion = -1;
  private currentPhase: Phase = 'forward';
  private currentOrder: number | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** A tensor the caller gives at every run, in logical C order. */
  input(name: string, shape: Shape, dtype: DType = 'f32'): Tensor {
    return this.leaf(`input:${name}`, shape, dtype, { kind: 'input', name });
  }

  /** A trainable fp32 tensor, named by the current scope; the name is its name in checkpoints. */
  parameter(name: string, shape: Shape, init: Initializer): Tensor {
    const full = this.scoped(name);
    return this.leaf(`persistent:${full}`, shape, 'f32', { kind: 'parameter', name: full, init });
  }

  /** The trainable tensors declared so far, with their full names, in order of declaration. */
  parameters(): { readonly name: string; readonly tensor: Tensor }[] {
    return this.values.flatMap(({ id, origin }) =>
      origin.kind === 'parameter' ? [{ name: origin.name, tensor: this.tensor(id) }] : [],
    );
  }

  /** A persistent tensor that is not trained. */
  state(name: string, shape: Shape, init: Initializer, role: StateRole = 'buffer', dtype: DType = 'f32'): Tensor {
    const full = this.scoped(name);
    return this.leaf(`persistent:${full}`, shape, dtype, { kind: 'state', name: full, role, init });
  }

  /** A scalar that the caller gives with every run in the step block; asking twice gives the same tensor. */
  step(name: string, dtype: 'f32' | 'u32' = 'f32'): Tensor {
    const known = this.leaves.get(`step:${name}`);
    if (known) {
      if (known.dtype !== dtype) throw new ArgumentError(`step(${name})`, `dtype ${known.dtype} as before`, dtype);
      return known;
    }
    return this.leaf(`step:${name}`, [], dtype, { kind: 'step', name });
  }

  /** Name a tensor as a result of the graph. */
  output(name: string, tensor: Tensor): void {
    this.own(tensor);
    if (this.outputs.some((o) => o.name === name)) throw new ArgumentError('name', 'an unused output name', name);
    this.outputs.push({ name, value: tensor.id });
  }

  /** Names traced inside `body` start with `name.`. */
  scope<T>(name: string, body: () => T): T {
    const outer = this.path;
    this.path = this.scoped(name);
    try {
      return body();
    } finally {
      this.path = outer;
    }
  }

  /**
   * Nodes traced inside `body` form a region: a unit of the memory choice.
   * @param options.reversible - inverses that are not exact may be used here when inversion is asked for by name.
   */
  region<T>(name: string, body: () => T, options: { readonly reversible?: boolean } = {}): T {
    const outer = this.currentRegion;
    const id = this.regions.length;
    this.regions.push({ id, name: this.scoped(name), parent: outer, reversible: options.reversible ?? false });
    this.currentRegion = id;
    try {
      return this.scope(name, body);
    } finally {
      this.currentRegion = outer;
    }
  }

  /** Nodes traced inside `body` belong to `phase`. */
  phase<T>(phase: Phase, body: () => T): T {
    const outer = this.currentPhase;
    this.currentPhase = phase;
    try {
      return body();
    } finally {
      this.currentPhase = outer;
    }
  }

  /** Trace `body` at another node's place: its name as scope, its region, another phase. @internal */
  at<T>(
    place: { readonly path: string; readonly region: number; readonly phase: Phase; readonly order: number },
    body: () => T,
  ): T {
    const outer = { path: this.path, region: this.currentRegion, phase: this.currentPhase, order: this.currentOrder };
    this.path = place.path;
    this.currentRegion = place.region;
    this.currentPhase = place.phase;
    this.currentOrder = place.order;
    try {
      return body();
    } finally {
      this.path = outer.path;
      this.currentRegion = outer.region;
      this.currentPhase = outer.phase;
      this.currentOrder = outer.order;
    }
  }

  /** Trace one operation. @internal use the functions in `ops/` */
  emit<K extends OpName>(
    op: K,
    inputs: readonly Tensor[],
    attrs: AttrsOf<OpTable[K]['attrs']>,
    place: { name?: string; region?: number; phase?: Phase; order?: number } = {},
  ): Tensor[] {
    const name = place.name ?? this.uniqueName(op);
    for (const t of inputs) this.own(t);
    const types = inferTypes(
      OPS[op],
      name,
      inputs.map((t) => t.type),
      attrs,
    );
    const id: NodeId = this.nodes.length;
    const outputs = types.map((type, output) => this.value(type, { kind: 'node', node: id, output }));
    const node = {
      op,
      id,
      attrs,
      inputs: inputs.map((t) => t.id),
      outputs: outputs.map((t) => t.id),
      name,
      region: place.region ?? this.currentRegion,
      phase: place.phase ?? this.currentPhase,
      order: place.order ?? this.currentOrder ?? id,
    };
    this.nodes.push(node as unknown as GraphNode);
    return outputs;
  }

  /** A derived persistent value; lowering passes make them. @internal */
  derived(name: string, op: OpName, inputs: readonly Tensor[], attrs: AttrsOf<OpTable[OpName]['attrs']>): Tensor {
    const known = this.leaves.get(`derived:${name}`);
    if (known) return known;
    const [type] = inferTypes(
      OPS[op],
      name,
      inputs.map((t) => t.type),
      attrs,
    );
    const node = { op, attrs, inputs: inputs.map((t) => t.id) } as unknown as Extract<
      Origin,
      { kind: 'derived' }
    >['node'];
    return this.leaf(`derived:${name}`, type!.shape, type!.dtype, { kind: 'derived', name, node });
  }

  /** `name` inside the current scope. */
  scopedName(name: string): string {
    return this.scoped(name);
  }

  /** The traced graph so far. */
  finish(): Graph {
    return {
      name: this.name,
      values: [...this.values],
      nodes: [...this.nodes],
      regions: [...this.regions],
      outputs: [...this.outputs],
    };
  }

  /** Nodes so far, in program order. @internal */
  nodeList(): readonly GraphNode[] {
    return this.nodes;
  }

  /** The symbolic tensor of a value. @internal */
  tensor(id: ValueId): Tensor {
    return new Tensor(this, id, this.values[id]!.type);
  }

  /** Where a value comes from. @internal */
  origin(id: ValueId): Origin {
    return this.values[id]!.origin;
  }

  /** Copy regions of another graph; used by rewriting passes. @internal */
  adoptRegions(regions: readonly Region[]): void {
    this.regions.push(...regions);
  }

  /** Recreate a leaf of another graph under its full name. @internal */
  adoptLeaf(value: Value): Tensor {
    const { origin, type } = value;
    switch (origin.kind) {
      case 'input':
        return this.leaf(`input:${origin.name}`, type.shape, type.dtype, origin);
      case 'step':
        return this.leaf(`step:${origin.name}`, type.shape, type.dtype, origin);
      case 'parameter':
      case 'state':
        return this.leaf(`persistent:${origin.name}`, type.shape, type.dtype, origin);
      case 'derived':
        return this.leaf(`derived:${origin.name}`, type.shape, type.dtype, origin);
      case 'node':
        throw new RevoxelError('ERR_INTERNAL', 'internal: adoptLeaf was given a computed value');
      default:
        return origin satisfies never;
    }
  }

  private leaf(key: string, shape: Shape, dtype: DType, origin: Origin): Tensor {
    if (!DTYPES.includes(dtype)) throw new ArgumentError('dtype', `one of ${DTYPES.join(', ')}`, dtype);
    if (!shape.every((s) => Number.isSafeInteger(s) && s >= 1)) {
      throw new ShapeError(origin.kind, key, [shape], 'every size must be a positive integer');
    }
    if (this.leaves.has(key)) {
      throw new ArgumentError('name', 'a name that is not taken in this graph', key.slice(key.indexOf(':') + 1));
    }
    const tensor = this.value({ shape, dtype }, origin);
    this.leaves.set(key, tensor);
    return tensor;
  }

  private value(type: TensorType, origin: Origin): Tensor {
    const id = this.values.length;
    this.values.push({ id, type, origin });
    return new Tensor(this, id, type);
  }

  private scoped(name: string): string {
    return this.path ? `${this.path}.${name}` : name;
  }

  private uniqueName(op: string): string {
    const base = this.scoped(op);
    const n = this.nodeNames.get(base) ?? 0;
    this.nodeNames.set(base, n + 1);
    return n === 0 ? base : `${base}#${n}`;
  }

  private own(tensor: Tensor): void {
    if (tensor.graph !== this) {
      throw new RevoxelError(
        'ERR_ARGUMENT',
        `a tensor of graph "${tensor.graph.name}" was used in graph "${this.name}"; trace both in one function`,
      );
    }
  }
}

/**
 * Trace a function into a graph.
 * @example
 * const graph = trace('double', (g) => g.output('y', scale(g.input('x', [4]), 2)));
 */
export function trace(name: string, body: (graph: GraphBuilder) => void): Graph {
  const builder = new GraphBuilder(name);
  body(builder);
  return builder.finish();
}
