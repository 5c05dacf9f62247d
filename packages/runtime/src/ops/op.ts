/**
 * What an operation is to the compiler: shape rule, cost, gradient, aliasing, inverse. The loops that compute it live
 * in the backends under the same name. To add an operation: one file here, one in every backend, one registry line each.
 */

import { ShapeError } from '../errors.js';
import type { DType } from '../graph/dtype.js';
import { elementBytes } from '../graph/dtype.js';
import { elementCount, type Shape } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { attrFault, type AnyAttrs, type AttrSchema, type AttrsOf } from './schema.js';

/** Shape and element type of a value. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Bytes a value takes in memory. */
export function typeBytes(type: TensorType): number {
  return elementCount(type.shape) * elementBytes(type.dtype);
}

export interface InferCall<A> {
  readonly inputs: readonly TensorType[];
  readonly attrs: A;
  /** Throws a ShapeError that names the node and its input shapes. */
  fail(detail: string): never;
}

export interface CostCall<A> {
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
  readonly attrs: A;
}

/** FLOPs (2 per multiply-add) and bytes moved to and from memory by one execution. */
export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

export interface GradientCall<A> {
  readonly attrs: A;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Gradient of the loss with respect to each output; null where nothing flows. At least one is not null. */
  readonly grads: readonly (Tensor | null)[];
  /** Which inputs a gradient is wanted for; rules may skip the others. */
  readonly needs: readonly boolean[];
}

/** How input `i` follows from the outputs and the other inputs (reversibility; spec of inversion in docs/reversible.md). */
export interface Recovery {
  /** True when the recovered bits equal the original ones. */
  readonly exact: boolean;
  /** Results it reads; default: the first alone. */
  readonly outputs?: readonly number[];
  /** Other operands it reads; default: all others. */
  readonly inputs?: readonly number[];
  /**
   * Whether the operand is the state of a stream, which the memory pass may rebuild. Inverses of activations and scalings
   * are none: they belong to residual functions, which are computed forward.
   */
  readonly stream?: boolean;
  /** Emits the recovery; entries it does not read may be null. */
  emit(outputs: readonly (Tensor | null)[], inputs: readonly (Tensor | null)[]): Tensor;
  /** The same with a proof, where the operation can give one. */
  readonly checked?: CheckedRecovery;
}

/** A recovery that also says a checksum of what it recovered, to be compared with that of the operand itself. */
export interface CheckedRecovery {
  /** Attributes with which the operation gives the checksum of its operand, as result `sum`. */
  readonly attrs: AnyAttrs;
  readonly sum: number;
  emit(
    outputs: readonly (Tensor | null)[],
    inputs: readonly (Tensor | null)[],
  ): { readonly operand: Tensor; readonly sum: Tensor };
}

/** Results and operands of a node that a recovery of operand `index` reads. */
export function readsOf(
  rule: Recovery,
  index: number,
  operands: number,
): { readonly outputs: readonly number[]; readonly inputs: readonly number[] } {
  const others = Array.from({ length: operands }, (_, i) => i).filter((i) => i !== index);
  return { outputs: rule.outputs ?? [0], inputs: rule.inputs ?? others };
}

/** How results are made a second time from the operands and from small results that are always kept (statistics). */
export interface Replay<A> {
  /** Results that are kept. */
  readonly kept: readonly number[];
  /** Emits the other results, to the same bits; null at the kept ones. */
  emit(inputs: readonly Tensor[], outputs: readonly (Tensor | null)[], attrs: A): readonly (Tensor | null)[];
}

export interface OpDefinition<S extends AttrSchema = AttrSchema> {
  readonly name: string;
  readonly attrs: S;
  /** Shape rule: output types, or `fail`. */
  infer(call: InferCall<AttrsOf<S>>): readonly TensorType[];
  /** FLOPs of one execution; default: one per output element. */
  flops?(call: CostCall<AttrsOf<S>>): number;
  /** Reverse rule: one gradient (or null) per input, emitted as further operations. */
  gradient?(call: GradientCall<AttrsOf<S>>): readonly (Tensor | null)[];
  /** Pairs [output, input] that may share memory when the input has no later reader (same bytes required). */
  inPlace?(call: CostCall<AttrsOf<S>>): readonly (readonly [output: number, input: number])[];
  /** Pairs [output, input] where the output is the persistent input itself, overwritten. */
  readonly mutates?: readonly (readonly [output: number, input: number])[];
  /**
   * `random`: draws from the counter-based generator; `state`: writes persistent state; `check`: stops the run when
   * something is wrong. Such nodes are never duplicated with their effect.
   */
  readonly effect?: 'random' | 'state' | 'check';
  /** Inverse rule for input `index`, if there is one. */
  recover?(index: number, attrs: AttrsOf<S>, inputs: readonly TensorType[]): Recovery | undefined;
  /** One pass over its operands makes the result: the memory pass may make it again rather than keep it. */
  readonly onePass?: true;
  /** How the memory pass makes results again; default: the operation itself on the same operands. */
  readonly replay?: Replay<AttrsOf<S>>;
  /** Fused kernels: the operations they stand for. A backend that lacks the fusion never sees it. */
  expand?(inputs: readonly Tensor[], attrs: AttrsOf<S>): readonly Tensor[];
}

/** Checks attributes and shapes of a call and returns its output types. */
export function inferTypes(
  op: OpDefinition,
  node: string,
  inputs: readonly TensorType[],
  attrs: AnyAttrs,
): readonly TensorType[] {
  const fail = (detail: string): never => {
    throw new ShapeError(
      op.name,
      node,
      inputs.map((t) => t.shape),
      detail,
    );
  };
  const fault = attrFault(op.attrs, attrs);
  if (fault) fail(fault);
  const outputs = op.infer({ inputs, attrs: attrs as AttrsOf<AttrSchema>, fail });
  for (const { shape } of outputs) {
    if (!shape.every((s) => Number.isSafeInteger(s) && s >= 1))
      fail(`the result would have shape [${shape.join(', ')}]`);
  }
  return outputs;
}

/** Cost of one execution: FLOPs by the op's rule, bytes as the sum of all operands (each read or written once). */
export function costOf(op: OpDefinition, call: CostCall<AnyAttrs>): Cost {
  const flops = op.flops
    ? op.flops(call as CostCall<AttrsOf<AttrSchema>>)
    : call.outputs.reduce((sum, t) => sum + elementCount(t.shape), 0);
  const bytes = [...call.inputs, ...call.outputs].reduce((sum, t) => sum + typeBytes(t), 0);
  return { flops, bytes };
}
