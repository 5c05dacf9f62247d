/**
 * An independent judge of plans: does any call write bytes that somebody still needs? It looks at the finished plan
 * alone (values, offsets, calls) and knows nothing of how the planner decides.
 */

import type { OpDefinition } from '../../src/ops/op.js';
import { OPS } from '../../src/ops/registry.js';
import type { KernelCall, Plan } from '../../src/plan/plan.js';

interface Life {
  readonly value: number;
  /** Call that makes it; -1 for inputs. */
  readonly made: number;
  /** Last call that reads it; calls.length when it is given back after the run; `made` when nobody reads it. */
  last: number;
}

/** What is wrong with a plan's use of memory; empty when nothing is. */
export function planFaults(plan: Plan): string[] {
  const faults: string[] = [];
  const lives = new Map<number, Life>();
  for (const { value } of plan.inputs) lives.set(value, { value, made: -1, last: -1 });
  plan.calls.forEach((call, step) => {
    for (const v of call.inputs) {
      const life = lives.get(v);
      if (life) life.last = step;
      else if (isTransient(plan, v)) faults.push(`call ${step} reads ${describe(plan, v)} before anybody wrote it`);
    }
    for (const v of call.outputs) if (isTransient(plan, v)) lives.set(v, { value: v, made: step, last: step });
  });
  for (const { value } of plan.outputs) {
    const life = lives.get(value);
    if (life) life.last = plan.calls.length;
  }

  const all = [...lives.values()];
  for (const a of all) {
    const { offset, bytes } = plan.values[a.value]!;
    if (offset % plan.alignment) faults.push(`${describe(plan, a.value)} is not aligned`);
    if (offset + bytes > plan.memory.transientBytes) faults.push(`${describe(plan, a.value)} ends beyond the segment`);
    for (const b of all) {
      // b is written while a is needed, on the same bytes.
      if (a === b || b.made < a.made || (b.made === a.made && b.value < a.value)) continue;
      if (b.made > a.last || !overlap(place(plan, a.value), place(plan, b.value))) continue;
      if (b.made === a.last && b.made > a.made && mayAlias(plan, plan.calls[b.made]!, b.value, a.value)) continue;
      faults.push(
        `call ${b.made} writes ${describe(plan, b.value)} over ${describe(plan, a.value)}, which is needed until ${a.last}`,
      );
    }
    plan.calls.forEach((call, step) => {
      if (step < a.made || step > a.last || !overlap(place(plan, a.value), call.scratch)) return;
      faults.push(`scratch of call ${step} lies over ${describe(plan, a.value)}`);
    });
  }
  return [...faults, ...persistentFaults(plan)];
}

/** In-place results: same bytes exactly, a pair the operation allows, and the operand is given to it once. */
function mayAlias(plan: Plan, call: KernelCall, output: number, input: number): boolean {
  const [o, i] = [call.outputs.indexOf(output), call.inputs.indexOf(input)];
  if (o < 0 || i < 0 || call.inputs.lastIndexOf(input) !== i) return false;
  const [a, b] = [place(plan, output), place(plan, input)];
  if (a.offset !== b.offset || a.bytes !== b.bytes) return false;
  const types = (list: readonly number[]) => list.map((v) => plan.values[v]!);
  const op: OpDefinition = OPS[call.op];
  const pairs =
    op.inPlace?.({ inputs: types(call.inputs), outputs: types(call.outputs), attrs: call.attrs as never }) ?? [];
  return pairs.some(([p, q]) => p === o && q === i);
}

/** Values that were overwritten in the persistent segment have no reader afterwards, and different ones do not overlap. */
function persistentFaults(plan: Plan): string[] {
  const faults: string[] = [];
  const overwritten = new Set<number>();
  // Derived copies are made again from what the updates left: these calls, and only these, read overwritten parameters.
  const derived = new Set(plan.derived.map((d) => d.value));
  plan.calls.forEach((call, step) => {
    const refreshes = call.outputs.every((v) => derived.has(v));
    if (!refreshes)
      for (const v of call.inputs)
        if (overwritten.has(v)) faults.push(`call ${step} reads ${describe(plan, v)} after it was overwritten`);
    for (const [o, i] of (OPS[call.op] as OpDefinition).mutates ?? []) {
      const [out, old] = [plan.values[call.outputs[o]!]!, plan.values[call.inputs[i]!]!];
      if (out.segment !== 'persistent' || out.offset !== old.offset)
        faults.push(`call ${step} does not overwrite ${describe(plan, call.inputs[i]!)}`);
      overwritten.add(call.inputs[i]!);
    }
  });
  const leaves = [...plan.persistent, ...plan.derived].map((p) => p.value);
  for (const a of leaves)
    for (const b of leaves)
      if (a < b && overlap(place(plan, a), place(plan, b)))
        faults.push(`${describe(plan, a)} and ${describe(plan, b)} overlap`);
  return faults;
}

interface Range {
  readonly offset: number;
  readonly bytes: number;
}

function place(plan: Plan, value: number): Range {
  return plan.values[value]!;
}

function overlap(a: Range, b: Range): boolean {
  return a.bytes > 0 && b.bytes > 0 && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

function isTransient(plan: Plan, value: number): boolean {
  return plan.values[value]!.segment === 'transient';
}

function describe(plan: Plan, value: number): string {
  const { name, offset, bytes } = plan.values[value]!;
  return `"${name}" (${offset}..${offset + bytes})`;
}
