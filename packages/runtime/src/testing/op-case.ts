/**
 * The form of a test case of an operation. One table of them (see `op-cases.ts`) feeds: backend against reference,
 * gradient against central differences, golden values of PyTorch, and benchmarks. Plain data and a traced function:
 * nothing here runs anything.
 */

import type { GraphBuilder } from '../graph/builder.js';
import { isFloat, type DType, type FloatDType } from '../graph/dtype.js';
import type { Shape } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpName } from '../ops/registry.js';
import type { AnyAttr } from '../ops/schema.js';
import type { Tolerance } from './compare.js';
import type { Distribution } from './test-data.js';

/** One operand of a case. */
export interface InputSpec {
  readonly shape: Shape;
  /** Default f32. */
  readonly dtype?: DType;
  /** Default uniform in -1..1. */
  readonly values?: Distribution;
  /** How the graph sees it; default `input`. Parameters are also tried as inputs, states are compared after the run. */
  readonly role?: 'input' | 'parameter' | 'state';
}

/** How the fixture generator computes the same: a function of `tools/fixtures/golden_ops.py` and its arguments. */
export interface GoldenSpec {
  readonly fn: string;
  readonly args?: Readonly<Record<string, AnyAttr>>;
}

/** A case of one operation. */
export interface OpCase {
  /** The operation it is about. */
  readonly op: OpName;
  /** Unique, `op/what`; also the key of its test data. */
  readonly name: string;
  readonly inputs: Readonly<Record<string, InputSpec>>;
  /** Traces the case; returns its named results. */
  readonly build: (g: GraphBuilder, t: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;
  /** Step block of every run; one run for each entry; default one run with an empty block. */
  readonly steps?: readonly Readonly<Record<string, number>>[];
  /** Inputs that the gradient is checked for; default none. */
  readonly gradient?: readonly string[];
  /** Results that enter the scalar whose gradient is taken; default all float ones. */
  readonly loss?: readonly string[];
  /**
   * Terms of the longest sum behind one element of a result; 0 when no arithmetic is done and all bits must agree;
   * default 1.
   */
  readonly sums?: number;
  /** The same for gradients; default `sums`, at least 1. */
  readonly gradientSums?: number;
  /** Size of one such term; default 1. */
  readonly term?: number;
  /** Inputs that become bf16, and f16, in further variants of the case; default: there are none. */
  readonly bf16?: readonly string[];
  /** Step of central differences; default 0.02. Inputs must stay smooth within three of them. */
  readonly h?: number;
  /** Kinks lie everywhere: gradients are compared with the reference and golden values only. */
  readonly noDifferences?: boolean;
  /** NaN may appear, where it is expected. */
  readonly nan?: boolean;
  readonly golden?: GoldenSpec;
}

/** Which form of a case is run. */
export interface CaseVariant {
  readonly label: string;
  /** What inputs listed in `bf16` are; all other float ones hold numbers that it can hold. */
  readonly floats: FloatDType;
  /** Parameters are declared as such (backends may then pack them), or given as plain inputs. */
  readonly parameters: boolean;
}

/** All forms of a case. */
export function variantsOf(c: OpCase): readonly CaseVariant[] {
  const variants: CaseVariant[] = [{ label: 'f32', floats: 'f32', parameters: true }];
  const specs = Object.values(c.inputs);
  if (specs.some((s) => s.role === 'parameter') && !specs.some((s) => s.role === 'state')) {
    variants.push({ label: 'f32, parameters as inputs', floats: 'f32', parameters: false });
  }
  if (c.bf16) for (const floats of ['bf16', 'f16'] as const) variants.push({ label: floats, floats, parameters: true });
  return variants;
}

const EPS_F32 = 2 ** -23;
/** Distance of neighbours, relative: what one other rounding at the store may do. */
const ULP: Readonly<Record<FloatDType, number>> = { f32: 0, bf16: 2 ** -7, f16: 2 ** -10 };

/**
 * What rounding allows, from dtype and number of sums alone.
 *
 * A sum of n terms of size t passes partial sums of size sqrt(n) t and rounds n times by at most eps / 2 of them; as a
 * random walk that is n t eps / 2 at one standard deviation. Allowed are four of these, and 16 eps of the result for
 * the functions (exp, erf, ...) and the few roundings beside the sum. bf16 and f16 results add one rounding at the store.
 */
export function toleranceOf(c: OpCase, dtype: DType, what: 'forward' | 'gradient'): Tolerance {
  const sums = what === 'forward' ? (c.sums ?? 1) : Math.max(1, c.gradientSums ?? c.sums ?? 1);
  if (!isFloat(dtype) || sums === 0) return { rtol: 0, atol: 0 };
  const rtol = 16 * EPS_F32 + ULP[dtype];
  // Below 2^-14 the numbers of f16 are 2^-24 apart, however small they are.
  const spacing = dtype === 'f16' ? 2 ** -24 : 0;
  return { rtol, atol: EPS_F32 * (4 + 2 * sums) * (c.term ?? 1) + spacing };
}
