/**
 * Traces a case for a backend and runs it: results, states after the last step, gradients. No comparison here
 * (`check-backend.ts`, `check-gradient.ts`).
 */

import type { Backend, Executable, Session } from '../backend/backend.js';
import type { BackendProfile } from '../backend/profile.js';
import { compile, refusalOf, type CompileOptions } from '../compile.js';
import { gradients } from '../autodiff/gradients.js';
import { trace, type GraphBuilder } from '../graph/builder.js';
import {
  fromElement,
  isFloat,
  isNarrow,
  toElement,
  type DType,
  type FloatDType,
  type HostArray,
} from '../graph/dtype.js';
import type { Graph } from '../graph/graph.js';
import { ZEROS } from '../graph/initializer.js';
import { elementCount, type Shape } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { add, mul } from '../ops/binary.js';
import { cast } from '../ops/cast.js';
import { sum } from '../ops/reduce.js';
import { variantsOf, type CaseVariant, type InputSpec, type OpCase } from './op-case.js';
import { encodeArray, testNumbers, type Distribution } from './test-data.js';

/** A named result: numbers in logical C order; bf16 and f16 are decoded. */
export interface CaseValue {
  readonly data: ArrayLike<number>;
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * Where cases run: a backend (each in a session of its own) or a session that many cases share, which is faster where
 * a session has threads to start. Persistent values are named after their case.
 */
export type CaseTarget = Backend | Session;

/** Results by name: `y`, `state/w`, `grad/x`. */
export type CaseValues = ReadonlyMap<string, CaseValue>;

const PROJECTION: Distribution = { kind: 'uniform', low: -1, high: 1 };
const UNIFORM: Distribution = { kind: 'uniform', low: -1, high: 1 };

/** dtype of an input in a variant. */
export function dtypeOf(c: OpCase, name: string, variant: CaseVariant): DType {
  return c.bf16?.includes(name) && variant.floats !== 'f32' ? variant.floats : (c.inputs[name]!.dtype ?? 'f32');
}

/** The numbers of an input, before encoding. */
export function numbersOf(c: OpCase, name: string, variant: CaseVariant): Float64Array {
  const spec = c.inputs[name]!;
  const numbers = testNumbers(`${c.name}/${name}`, elementCount(spec.shape), spec.values ?? UNIFORM);
  return isFloat(spec.dtype ?? 'f32') ? held(numbers, variant.floats) : numbers;
}

/** The fixed weights that make a scalar of a result. */
export function projectionOf(c: OpCase, output: string, count: number, floats: FloatDType): Float64Array {
  return held(testNumbers(`${c.name}/projection/${output}`, count, PROJECTION), floats);
}

/** The numbers as a narrow float holds them; those of f32 are as they stand. */
function held(numbers: Float64Array, floats: FloatDType): Float64Array {
  return floats === 'f32' ? numbers : numbers.map((v) => fromElement(floats, toElement(floats, v)));
}

/** Results that enter the scalar whose gradient is checked. */
export function lossOutputs(c: OpCase, outputs: Readonly<Record<string, Tensor>>): readonly string[] {
  return c.loss ?? Object.keys(outputs).filter((name) => isFloat(outputs[name]!.dtype));
}

function declare(g: GraphBuilder, c: OpCase, variant: CaseVariant): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(c.inputs).map(([name, spec]) => {
      const dtype = dtypeOf(c, name, variant);
      const role = roleOf(spec, variant);
      if (role === 'parameter') return [name, g.parameter(persistentName(c, name), spec.shape, ZEROS)];
      if (role === 'state') return [name, g.state(persistentName(c, name), spec.shape, ZEROS, 'buffer', dtype)];
      return [name, g.input(name, spec.shape, dtype)];
    }),
  );
}

function persistentName(c: OpCase, name: string): string {
  return `${c.name}/${name}`;
}

function roleOf(spec: InputSpec, variant: CaseVariant): 'input' | 'parameter' | 'state' {
  return spec.role === 'parameter' && !variant.parameters ? 'input' : (spec.role ?? 'input');
}

/** The graph of a case's forward run. */
export function forwardGraph(c: OpCase, variant: CaseVariant): Graph {
  return trace(c.name, (g) => {
    const outputs = c.build(g, declare(g, c, variant));
    for (const [name, tensor] of Object.entries(outputs)) g.output(name, tensor);
  });
}

/** The graph of a case's gradients with respect to its listed inputs: results `grad/<input>`. */
export function gradientGraph(c: OpCase, variant: CaseVariant): Graph {
  return trace(`${c.name}:gradient`, (g) => {
    const tensors = declare(g, c, variant);
    const outputs = c.build(g, tensors);
    const terms = lossOutputs(c, outputs).map((name) => {
      const y = outputs[name]!;
      return cast(sum(mul(y, g.input(`projection/${name}`, y.shape, y.dtype))), 'f32');
    });
    const loss = terms.reduce((a, b) => add(a, b));
    const wrt = c.gradient ?? [];
    gradients(
      loss,
      wrt.map((name) => tensors[name]!),
    ).forEach((t, i) => g.output(`grad/${wrt[i]!}`, t));
  });
}

/** The forms of a case that a backend has kernels for: those in an element type that its profile refuses are left out. */
export function variantsFor(profile: BackendProfile, c: OpCase): readonly CaseVariant[] {
  return variantsOf(c).filter((variant) => !refusalOf(forwardGraph(c, variant), profile));
}

/** A case loaded into a session: run it as often as needed, with other numbers. */
export class LoadedCase {
  private constructor(
    private readonly testCase: OpCase,
    private readonly variant: CaseVariant,
    private readonly session: Session,
    private readonly ownsSession: boolean,
    private readonly executable: Executable,
  ) {}

  static async load(
    target: CaseTarget,
    c: OpCase,
    variant: CaseVariant,
    graph: Graph,
    options?: CompileOptions,
  ): Promise<LoadedCase> {
    const owns = 'createSession' in target;
    const session = owns ? await target.createSession() : target;
    try {
      const plan = compile(graph, session.backend.profile, options);
      return new LoadedCase(c, variant, session, owns, await session.load(plan));
    } catch (error) {
      if (owns) session.dispose();
      throw error;
    }
  }

  /** Inputs in the form the plan wants, from numbers by name (default: those of the case). Persistent ones are written. */
  async run(numbers: Readonly<Record<string, ArrayLike<number>>> = {}): Promise<CaseValues> {
    const { testCase: c, variant, session, executable } = this;
    const known = new Set(executable.plan.persistent.map((p) => p.name));
    const inputs: Record<string, HostArray> = {};
    for (const [name, spec] of Object.entries(c.inputs)) {
      const data = encodeArray(numbers[name] ?? numbersOf(c, name, variant), dtypeOf(c, name, variant));
      if (roleOf(spec, variant) === 'input') inputs[name] = data;
      else if (known.has(persistentName(c, name))) await session.write(persistentName(c, name), data);
    }
    for (const { name, value } of executable.plan.inputs) {
      if (!name.startsWith('projection/')) continue;
      const { shape, dtype } = executable.plan.values[value]!;
      inputs[name] = encodeArray(
        projectionOf(c, name.slice('projection/'.length), elementCount(shape), variant.floats),
        dtype,
      );
    }
    let results: Record<string, HostArray> = {};
    for (const step of c.steps ?? [{}]) results = await executable.run(inputs, step);
    const values = new Map<string, CaseValue>();
    for (const { name, value } of executable.plan.outputs) {
      const { shape, dtype } = executable.plan.values[value]!;
      values.set(name, { data: decode(results[name]!, dtype), shape, dtype });
    }
    for (const name of executable.plan.writes) {
      const { shape, dtype } = session.describe(name);
      values.set(`state/${name.slice(c.name.length + 1)}`, {
        data: decode(await session.read(name), dtype),
        shape,
        dtype,
      });
    }
    return values;
  }

  dispose(): void {
    if (this.ownsSession) this.session.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Run a case once: results and states. */
export async function runForward(
  target: CaseTarget,
  c: OpCase,
  variant: CaseVariant,
  options?: CompileOptions,
): Promise<CaseValues> {
  using loaded = await LoadedCase.load(target, c, variant, forwardGraph(c, variant), options);
  return await loaded.run();
}

/** Run a case's gradient graph once. */
export async function runGradient(
  target: CaseTarget,
  c: OpCase,
  variant: CaseVariant,
  options?: CompileOptions,
): Promise<CaseValues> {
  using loaded = await LoadedCase.load(target, c, variant, gradientGraph(c, variant), options);
  return await loaded.run();
}

function decode(data: HostArray, dtype: DType): ArrayLike<number> {
  return isNarrow(dtype) ? Float32Array.from(data, (bits) => fromElement(dtype, bits)) : data;
}
