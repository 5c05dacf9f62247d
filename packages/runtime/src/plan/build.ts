/** From a lowered graph to a plan: storage, scratch, offsets, and the facts about memory and work. */

import type { BackendProfile } from '../backend/profile.js';
import { internal } from '../errors.js';
import type { Graph, GraphNode, Value, ValueId } from '../graph/graph.js';
import { costOf, typeBytes, type OpDefinition } from '../ops/op.js';
import { OPS } from '../ops/registry.js';
import { queryOf } from '../lower/query.js';
import { alignUp, layOut, liveBytes, type Lifetime } from './layout.js';
import {
  MEMORY_CLASSES,
  PLAN_VERSION,
  type DerivedEntry,
  type KernelCall,
  type MemoryClass,
  type MemoryReport,
  type PersistentEntry,
  type Plan,
  type PlanValue,
} from './plan.js';
import { assignStorage, type Place } from './storage.js';

export interface PlanOptions {
  /** False: no in-place results and no shared offsets. For tests of the planner. */
  readonly reuse?: boolean;
}

/** A call before offsets are known. */
interface Draft {
  readonly node: Pick<GraphNode, 'op' | 'attrs' | 'inputs' | 'outputs' | 'name' | 'phase'>;
  readonly variant: number;
  readonly scratchBytes: number;
  /** Index into the blocks that are laid out. */
  scratchBlock: number;
}

/**
 * Kernel variant and scratch of nodes, which depend on attributes and types alone: kept between plans of one network. By the
 * attributes' identity, which passes preserve, then by the types as text.
 */
export type KernelCache = WeakMap<object, Map<string, Kernel>>;

interface Kernel {
  readonly variant: number;
  readonly scratchBytes: number;
}

/** What lies in the transient segment and when, before offsets are known. */
interface Outline {
  readonly written: ReadonlySet<string>;
  readonly derived: readonly Value[];
  readonly derivedDrafts: ReadonlyMap<ValueId, Draft>;
  readonly drafts: readonly Draft[];
  /** One step more than calls: the last one copies outputs out. */
  readonly steps: number;
  readonly places: ReadonlyMap<ValueId, Place>;
  readonly blocks: readonly Lifetime[];
  readonly classes: readonly MemoryClass[];
}

function outline(graph: Graph, profile: BackendProfile, reuse: boolean, cache?: KernelCache): Outline {
  const { alignment } = profile;
  const kernelOf = (node: Draft['node']): Kernel => {
    const query = queryOf(graph, node);
    const variant = profile.variant(query);
    return { variant, scratchBytes: profile.scratchBytes(query, variant) };
  };
  const draft = (node: Draft['node']): Draft => {
    if (!cache) return { node, ...kernelOf(node), scratchBlock: -1 };
    const text = (v: ValueId): string => `${graph.values[v]!.type.dtype}${graph.values[v]!.type.shape.join('x')}`;
    const types = `${node.op} ${node.inputs.map(text).join()} ${node.outputs.map(text).join()}`;
    const byTypes = cache.get(node.attrs) ?? new Map<string, Kernel>();
    cache.set(node.attrs, byTypes);
    const kernel = byTypes.get(types) ?? kernelOf(node);
    byTypes.set(types, kernel);
    return { node, ...kernel, scratchBlock: -1 };
  };

  const written = writtenParameters(graph);
  const derived = graph.values.filter((v) => v.origin.kind === 'derived');
  const derivedDrafts = new Map(derived.map((v) => [v.id, draft(derivedNode(v))]));
  const drafts = graph.nodes.map(draft);
  // Copies of parameters that this plan changes are made again at its end.
  for (const value of derived) {
    if (sourcesOf(graph, value).some((name) => written.has(name))) drafts.push(draft(derivedNode(value)));
  }

  const steps = drafts.length + 1;
  const { places, buffers } = assignStorage(graph, alignment, drafts.length, reuse);
  const blocks: Lifetime[] = [...buffers];
  const classes: MemoryClass[] = buffers.map((b) => b.memoryClass);
  const addScratch = (d: Draft, step: number): void => {
    if (d.scratchBytes === 0) return;
    d.scratchBlock = blocks.length;
    blocks.push({ begin: step, end: step, bytes: d.scratchBytes });
    classes.push('workspace');
  };
  drafts.forEach(addScratch);
  // A refresh outside a run happens while nothing else is alive.
  for (const d of derivedDrafts.values()) addScratch(d, 0);
  return { written, derived, derivedDrafts, drafts, steps, places, blocks, classes };
}

/** Bytes live at every step of the plan that `buildPlan` would make, without laying it out. @internal */
export function liveProfile(graph: Graph, profile: BackendProfile, cache?: KernelCache): Float64Array {
  const { blocks, steps } = outline(graph, profile, true, cache);
  return liveBytes(blocks, steps, profile.alignment);
}

/** Bytes of the persistent segment. @internal */
export function persistentBytes(graph: Graph, profile: BackendProfile): number {
  return graph.values.reduce(
    (sum, { origin, type }) =>
      origin.kind === 'parameter' || origin.kind === 'state' || origin.kind === 'derived'
        ? sum + alignUp(typeBytes(type), profile.alignment)
        : sum,
    0,
  );
}

export function buildPlan(graph: Graph, profile: BackendProfile, options: PlanOptions = {}): Plan {
  const { alignment } = profile;
  const { written, derived, derivedDrafts, drafts, steps, places, blocks, classes } = outline(
    graph,
    profile,
    options.reuse ?? true,
  );
  const layout = layOut(blocks, alignment);
  const values = new ValueTable(graph, places, layout.offsets, alignment, classes);
  const toCall = (d: Draft): KernelCall => {
    const types = {
      inputs: d.node.inputs.map((v) => graph.values[v]!.type),
      outputs: d.node.outputs.map((v) => graph.values[v]!.type),
    };
    const { flops, bytes } = costOf(OPS[d.node.op], { ...types, attrs: d.node.attrs });
    return {
      op: d.node.op,
      attrs: d.node.attrs,
      name: d.node.name,
      phase: d.node.phase,
      inputs: d.node.inputs.map((v) => values.index(v)),
      outputs: d.node.outputs.map((v) => values.index(v)),
      variant: d.variant,
      scratch: { offset: d.scratchBlock < 0 ? 0 : layout.offsets[d.scratchBlock]!, bytes: d.scratchBytes },
      flops,
      bytes,
    } as KernelCall;
  };

  const calls = drafts.map(toCall);
  const derivedEntries = derived.map((v): DerivedEntry => {
    if (v.origin.kind !== 'derived') return internal('not a derived value');
    return {
      name: v.origin.name,
      value: values.index(v.id),
      sources: sourcesOf(graph, v),
      call: toCall(derivedDrafts.get(v.id)!),
    };
  });
  const inputs = graph.values.flatMap((v) =>
    v.origin.kind === 'input' ? [{ name: v.origin.name, value: values.index(v.id) }] : [],
  );
  const step = graph.values.flatMap((v) =>
    v.origin.kind === 'step' ? [{ name: v.origin.name, value: values.index(v.id) }] : [],
  );
  const outputs = graph.outputs.map((o) => ({ name: o.name, value: values.index(o.value) }));
  const persistent = graph.values.flatMap((v): PersistentEntry[] => {
    if (v.origin.kind === 'parameter')
      return [{ name: v.origin.name, value: values.index(v.id), kind: 'parameter', init: v.origin.init }];
    if (v.origin.kind === 'state')
      return [{ name: v.origin.name, value: values.index(v.id), kind: v.origin.role, init: v.origin.init }];
    return [];
  });
  return {
    version: PLAN_VERSION,
    name: graph.name,
    profile: profile.name,
    alignment,
    values: values.list,
    calls,
    inputs,
    outputs,
    step,
    persistent,
    derived: derivedEntries,
    writes: [...written].sort(),
    stepBytes: values.stepBytes,
    returnBytes: values.returnBytes,
    memory: memoryReport(blocks, classes, steps, alignment, layout.peakBytes, values),
    flops: calls.reduce((sum, c) => sum + c.flops, 0),
    bytesMoved: calls.reduce((sum, c) => sum + c.bytes, 0),
  };
}

/** Places values of the graph in segments and numbers those that the plan mentions. */
class ValueTable {
  readonly list: PlanValue[] = [];
  readonly persistentByClass = new Map<MemoryClass, number>();
  persistentBytes = 0;
  stepBytes = 0;
  returnBytes = 0;
  private readonly indices = new Map<ValueId, number>();
  private readonly leafOffsets = new Map<ValueId, number>();

  constructor(
    private readonly graph: Graph,
    private readonly places: ReadonlyMap<ValueId, Place>,
    private readonly offsets: readonly number[],
    private readonly alignment: number,
    private readonly classes: readonly MemoryClass[],
  ) {}

  index(id: ValueId): number {
    const known = this.indices.get(id);
    if (known !== undefined) return known;
    const value = this.graph.values[id]!;
    const index = this.list.length;
    this.indices.set(id, index);
    const { shape, dtype } = value.type;
    this.list.push({ name: nameOf(this.graph, value), dtype, shape, bytes: typeBytes(value.type), ...this.locate(id) });
    return index;
  }

  private locate(id: ValueId): Pick<PlanValue, 'segment' | 'offset' | 'memoryClass'> {
    const place = this.places.get(id) ?? internal(`value ${id} has no place`);
    switch (place.kind) {
      case 'buffer':
        return {
          segment: 'transient',
          offset: this.offsets[place.buffer]! + place.offset,
          memoryClass: this.classes[place.buffer]!,
        };
      case 'persistent':
        return {
          segment: 'persistent',
          offset: this.leafOffset(place.leaf),
          memoryClass: persistentClass(this.graph.values[place.leaf]!),
        };
      case 'step': {
        const offset = this.stepBytes;
        this.stepBytes += 4;
        return { segment: 'step', offset, memoryClass: 'step' };
      }
      case 'return': {
        const offset = this.returnBytes;
        this.returnBytes += 4;
        return { segment: 'return', offset, memoryClass: 'step' };
      }
      default:
        return place satisfies never;
    }
  }

  private leafOffset(leaf: ValueId): number {
    const known = this.leafOffsets.get(leaf);
    if (known !== undefined) return known;
    const value = this.graph.values[leaf]!;
    const offset = this.persistentBytes;
    const bytes = alignUp(typeBytes(value.type), this.alignment);
    this.persistentBytes += bytes;
    const memoryClass = persistentClass(value);
    this.persistentByClass.set(memoryClass, (this.persistentByClass.get(memoryClass) ?? 0) + bytes);
    this.leafOffsets.set(leaf, offset);
    return offset;
  }
}

function persistentClass({ origin }: Value): MemoryClass {
  switch (origin.kind) {
    case 'parameter':
      return 'parameters';
    case 'derived':
      return 'derived';
    case 'state':
      return origin.role === 'optimizer' ? 'optimizer' : 'buffers';
    default:
      return internal(`${origin.kind} is not persistent`);
  }
}

function nameOf(graph: Graph, { origin }: Value): string {
  if (origin.kind !== 'node') return origin.name;
  const node = graph.nodes[origin.node]!;
  return node.outputs.length > 1 ? `${node.name}.${origin.output}` : node.name;
}

/** Names of parameters and state that the graph overwrites. */
function writtenParameters(graph: Graph): Set<string> {
  const written = new Set<string>();
  for (const node of graph.nodes) {
    for (const [, input] of (OPS[node.op] as OpDefinition).mutates ?? []) {
      const { origin } = graph.values[node.inputs[input]!]!;
      if (origin.kind === 'parameter' || origin.kind === 'state') written.add(origin.name);
    }
  }
  return written;
}

function sourcesOf(graph: Graph, value: Value): string[] {
  if (value.origin.kind !== 'derived') return [];
  return value.origin.node.inputs.map((v) => {
    const { origin } = graph.values[v]!;
    return origin.kind === 'parameter' ? origin.name : internal('a derived value must be made from parameters');
  });
}

function derivedNode(value: Value): Draft['node'] {
  if (value.origin.kind !== 'derived') return internal('not a derived value');
  const { op, attrs, inputs } = value.origin.node;
  return {
    op,
    attrs,
    inputs,
    outputs: [value.id],
    name: `refresh:${value.origin.name}`,
    phase: 'update',
  } as Draft['node'];
}

function memoryReport(
  blocks: readonly Lifetime[],
  classes: readonly MemoryClass[],
  steps: number,
  alignment: number,
  transientBytes: number,
  values: ValueTable,
): MemoryReport {
  const live = liveBytes(blocks, steps, alignment);
  let fullest = 0;
  live.forEach((bytes, step) => {
    if (bytes > live[fullest]!) fullest = step;
  });
  const byClass = Object.fromEntries(MEMORY_CLASSES.map((c) => [c, values.persistentByClass.get(c) ?? 0])) as Record<
    MemoryClass,
    number
  >;
  blocks.forEach((block, i) => {
    if (block.begin <= fullest && fullest <= block.end) byClass[classes[i]!] += alignUp(block.bytes, alignment);
  });
  const { persistentBytes } = values;
  return {
    persistentBytes,
    transientBytes,
    peakBytes: persistentBytes + transientBytes,
    lowerBoundBytes: live[fullest] ?? 0,
    byClass,
  };
}
