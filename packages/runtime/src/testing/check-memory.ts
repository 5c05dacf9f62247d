/**
 * What every backend has to show of the memory choices: the same bits under all of them, exact inversion through deep
 * chains, and a checksum that stops a step whose inversion went wrong. Each check returns what is off, line by line.
 */

import type { Backend } from '../backend/backend.js';
import { compile } from '../compile.js';
import { ChecksumError } from '../errors.js';
import type { HostArray } from '../graph/dtype.js';
import type { Graph } from '../graph/graph.js';
import { elementCount } from '../graph/shape.js';
import type { MemoryOptions } from '../memory/options.js';
import type { KernelCall, Plan, PlanValue } from '../plan/plan.js';
import { exactInverse, reversibleNet, type NetOptions } from './reversible-net.js';
import { testNumbers } from './test-data.js';

/** Exact networks of every kind: both formats, bf16 inside, batch norm, dropout, wrapping, resampling, skips, 2D. */
export const EXACT_NETS: readonly (readonly [string, NetOptions])[] = [
  ['q16', { stream: 'q16' }],
  ['q32', { stream: 'q32' }],
  ['q16, bf16 inside', { stream: 'q16', precision: 'bf16' }],
  [
    'q32, bf16 inside, batch norm, dropout',
    { stream: 'q32', precision: 'bf16', norm: 'batch', dropout: 0.3, train: true },
  ],
  ['q16, batch norm, dropout, training', { stream: 'q16', norm: 'batch', dropout: 0.2, train: true }],
  ['q16, wraps around', { stream: 'q16', exponent: 13, gain: 40 }],
  ['q16, squeeze', { stream: 'q16', middle: 'squeeze' }],
  ['q16, lifting', { stream: 'q16', middle: 'lifting' }],
  ['q32, lifting, bf16 inside', { stream: 'q32', precision: 'bf16', middle: 'lifting' }],
  ['q16, split and concat', { stream: 'q16', middle: 'split' }],
  ['q16, pooled level with an additive skip', { stream: 'q16', middle: 'pool' }],
  ['q16, 2D', { stream: 'q16', size: [6, 6], middle: 'squeeze' }],
];

/** Deep exact chains: both formats, bf16 inside, wrapping, batch norm and dropout; pieces of unequal width. */
export const DEEP_NETS: readonly (readonly [string, NetOptions])[] = (['q16', 'q32'] as const).flatMap((stream) => {
  const base = { stream, blocks: 64, size: [5, 6], pieces: [2, 3] } as const;
  return [
    [`${stream}`, base],
    [`${stream}, bf16 inside`, { ...base, precision: 'bf16' }],
    [`${stream}, wraps around`, { ...base, exponent: stream === 'q16' ? 14 : 30, gain: 30 }],
    [`${stream}, batch norm and dropout`, { ...base, norm: 'batch', dropout: 0.3 }],
  ] as const;
});

/** Results of two steps and, after them, all persistent values. */
export async function runNet(
  backend: Backend,
  graph: Graph,
  options: NetOptions,
  memory: MemoryOptions,
): Promise<Record<string, HostArray>> {
  using session = await backend.createSession({ seed: 3 });
  const plan = compile(graph, backend.profile, memory);
  const executable = await session.load(plan);
  const results: Record<string, HostArray> = {};
  for (const step of [0, 1]) {
    for (const [name, data] of Object.entries(await executable.run(inputsOf(plan, options), scalars(plan, step))))
      results[`${step}/${name}`] = data;
  }
  for (const name of session.names()) results[`after/${name}`] = await session.read(name);
  return results;
}

function inputsOf(plan: Plan, { gain = 1 }: NetOptions): Record<string, HostArray> {
  return Object.fromEntries(
    plan.inputs.map(({ name, value }) => {
      const numbers = testNumbers(name, elementCount(plan.values[value]!.shape), {
        kind: 'uniform',
        low: -gain,
        high: gain,
      });
      return [name, Float32Array.from(numbers)];
    }),
  );
}

function scalars(plan: Plan, step: number): Record<string, number> {
  const known: Readonly<Record<string, number>> = { lr: 0.05, seed: 11, step };
  // A name that is not known stays undefined, which the session refuses.
  return Object.fromEntries(plan.step.map(({ name }) => [name, known[name]!]));
}

/** Two steps under every memory choice: losses, gradients or updated weights, and states against those of `keep`. */
export async function checkSameBits(backend: Backend, options: NetOptions): Promise<string[]> {
  const failures: string[] = [];
  const graph = reversibleNet(options);
  if (!compile(graph, backend.profile, { memory: 'invert' }).calls.some(isUndo)) failures.push('nothing was inverted');
  const want = await runNet(backend, graph, options, { memory: 'keep', cheap: false });
  for (const memory of [
    { memory: 'keep' },
    { memory: 'recompute' },
    { memory: 'invert' },
    ...budgets(backend, graph),
  ] as const) {
    const what = `${memory.memory} ${'budgetBytes' in memory ? memory.budgetBytes : ''}`;
    // Whoever inverts checks.
    const made = compile(graph, backend.profile, memory).calls;
    if (made.some(isUndo) && !made.some((c) => c.op === 'checkEqual')) failures.push(`${what}: inverts unchecked`);
    const got = await runNet(backend, graph, options, memory);
    if (Object.keys(got).join() !== Object.keys(want).join()) failures.push(`${what}: other names`);
    for (const name of Object.keys(want))
      if (!sameBits(got[name]!, want[name]!)) failures.push(`${what}: ${name} differs`);
  }
  return failures;
}

/** `auto` at budgets between the leanest and the richest plan: units of all kinds side by side. */
function budgets(backend: Backend, graph: Graph): MemoryOptions[] {
  const peak = (memory: 'keep' | 'invert'): number => compile(graph, backend.profile, { memory }).memory.peakBytes;
  const [most, least] = [peak('keep'), peak('invert')];
  if (least >= most) return [];
  return [0, 0.3, 0.6].map((share) => ({ memory: 'auto', budgetBytes: Math.ceil(least + share * (most - least)) }));
}

function isUndo(call: KernelCall): boolean {
  return call.op === 'couple' && call.phase === 'backward' && call.attrs.direction === 'sub';
}

/** A chain of blocks forward and back: every element of both pieces of its first state. */
export async function checkExactInverse(backend: Backend, options: NetOptions): Promise<string[]> {
  using session = await backend.createSession({ seed: 5 });
  const plan = compile(exactInverse(options), backend.profile, { memory: 'invert' });
  const undone = plan.calls.filter((c) => c.op === 'couple' && c.attrs.direction === 'sub').length;
  if (undone !== 2 * (options.blocks ?? 3)) return [`${undone} couplings were undone`];
  const executable = await session.load(plan);
  const results = await executable.run(inputsOf(plan, options), scalars(plan, 1));
  return ['a', 'b'].flatMap((piece) =>
    sameBits(results[`${piece}:rebuilt`]!, results[`${piece}:original`]!) ? [] : [`piece ${piece} differs`],
  );
}

/**
 * Flip the sign of one weight between forward and backward pass: the step must end with a ChecksumError before anything
 * was updated.
 */
export async function checkChecksumTrips(backend: Backend, stream: 'q16' | 'q32'): Promise<string[]> {
  const options: NetOptions = { stream, blocks: 4, train: true };
  const failures: string[] = [];
  const graph = reversibleNet(options);
  const plan = compile(graph, backend.profile, { memory: 'invert' });
  const kept = compile(graph, backend.profile, { memory: 'keep' });
  const weights = plan.values.filter(
    (v) => v.segment === 'persistent' && /^(up|down).*conv\.weight/.test(v.name) && isRead(plan, v),
  );
  if (weights.length === 0) failures.push('no weight to flip');
  for (const weight of weights) {
    using session = await backend.createSession({ seed: 3 });
    const tampered = withFlippedWeight(plan, weight);
    const executable = await session.load(tampered);
    const momenta = session.names().filter((n) => n.endsWith('.momentum'));
    try {
      await executable.run(inputsOf(plan, options), scalars(plan, 0));
      // The first coupling's own function is not needed to rebuild anything that the gradients read: they are those of a
      // plan that keeps everything, with the same weight flipped.
      if (!weight.name.startsWith('down0.f')) failures.push(`${weight.name}: the step went through`);
      const same = kept.values.find((v) => v.name === weight.name && v.segment === 'persistent' && isRead(kept, v))!;
      using other = await backend.createSession({ seed: 3 });
      const keeper = await other.load(withFlippedWeight(kept, same));
      await keeper.run(inputsOf(kept, options), scalars(kept, 0));
      for (const name of momenta)
        if (!sameBits(await session.read(name), await other.read(name)))
          failures.push(`${weight.name}: ${name} differs`);
    } catch (error) {
      if (!(error instanceof ChecksumError)) failures.push(`${weight.name}: ${String(error)}`);
      else if (!/down[01]/.test(error.message)) failures.push(`${weight.name}: no sequence in "${error.message}"`);
      for (const name of momenta)
        if ((await session.read(name)).some((v) => v !== 0)) failures.push(`${weight.name}: ${name} was updated`);
    }
  }
  return failures;
}

function isRead(plan: Plan, value: PlanValue): boolean {
  const id = plan.values.indexOf(value);
  return plan.calls.some((c) => c.phase === 'forward' && c.inputs.includes(id));
}

/** The plan with a call more, before the backward pass, that negates the largest part of one weight tensor. */
function withFlippedWeight(plan: Plan, weight: PlanValue): Plan {
  const at = plan.calls.findIndex((c) => c.phase === 'backward');
  const flip = {
    op: 'scale',
    attrs: { factor: -1, offset: 0 },
    name: 'tamper',
    phase: 'backward',
    inputs: [plan.values.indexOf(weight)],
    outputs: [plan.values.indexOf(weight)],
    variant: 0,
    scratch: { offset: 0, bytes: 0 },
    flops: 0,
    bytes: 0,
  } as unknown as KernelCall;
  return { ...plan, calls: [...plan.calls.slice(0, at), flip, ...plan.calls.slice(at)] };
}

/** Whether two arrays agree in every bit, NaN and the sign of zero included. */
export function sameBits(a: HostArray, b: HostArray): boolean {
  if (a.length !== b.length || a.constructor !== b.constructor) return false;
  const bytes = (x: HostArray): Uint8Array => new Uint8Array(x.buffer, x.byteOffset, x.byteLength);
  const [p, q] = [bytes(a), bytes(b)];
  for (let i = 0; i < p.length; i++) if (p[i] !== q[i]) return false;
  return true;
}
