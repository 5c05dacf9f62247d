/** Runs op samples on a session, whose plans all share one transient segment. */

import {
  compile,
  fromBf16,
  trace,
  type AnyAttrs,
  type Backend,
  type DType,
  type HostArray,
  type Session,
  type Tensor,
} from '../../src/index.js';
import { drawOperand, type OpSample, type SampleOperand } from './op-samples.js';

/** The sample with some operands in bf16. */
export function inBf16(sample: OpSample): OpSample {
  const inputs = sample.inputs.map((operand, i): SampleOperand =>
    sample.bf16!.includes(i) ? { ...operand, dtype: 'bf16' } : operand,
  );
  return { ...sample, title: `${sample.title}, bf16`, inputs };
}

export interface SampleResult {
  readonly dtype: DType;
  readonly data: HostArray;
}

/** Results in order. */
export async function runSample(
  backend: Backend,
  session: Session,
  sample: OpSample,
  seed: number,
): Promise<SampleResult[]> {
  const types: DType[] = [];
  const graph = trace(`${sample.op} ${sample.title}`, (g) => {
    const operands = sample.inputs.map((o, i) => g.input(`x${i}`, o.shape, o.dtype ?? 'f32'));
    const emit = g.emit.bind(g) as (op: string, inputs: readonly Tensor[], attrs: AnyAttrs) => Tensor[];
    emit(sample.op, operands, sample.attrs as AnyAttrs).forEach((y, i) => {
      g.output(`y${i}`, y);
      types.push(y.dtype);
    });
  });
  const executable = await session.load(compile(graph, backend.profile));
  const inputs = Object.fromEntries(sample.inputs.map((o, i) => [`x${i}`, drawOperand(o, seed + i)]));
  const results = await executable.run(inputs, {});
  return types.map((dtype, i) => ({ dtype, data: results[`y${i}`]! }));
}

/** The numbers of a result. */
export function numbersOf({ dtype, data }: SampleResult): number[] {
  return Array.from(data, (v) => (dtype === 'bf16' ? fromBf16(v) : v));
}
