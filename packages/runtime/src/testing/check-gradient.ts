/**
 * Gradients against central differences, on a backend that sums in float64 and stores fp32 (the reference).
 *
 * With L = sum of projection * result, taken in float64 from the stored results, the derivative along a direction v is
 * (8 (L(x + h v) - L(x - h v)) - (L(x + 2 h v) - L(x - 2 h v))) / 12 h, wrong by O(h^4): h can be so large that the
 * rounding of results to fp32 does not matter. Directions are single elements (a few, drawn) and signs of all elements.
 */

import type { CaseVariant, OpCase } from './op-case.js';
import {
  forwardGraph,
  LoadedCase,
  numbersOf,
  projectionOf,
  runGradient,
  type CaseTarget,
  type CaseValues,
} from './run-case.js';
import { testWords } from './test-data.js';

const PLAIN: CaseVariant = { label: 'f32', floats: 'f32', parameters: true };

/** Work a case may cost here, in multiply-adds of its forward run times runs: bounds the number of directions. */
const BUDGET = 4e7;

/** Compare all gradients of a case with differences; one line for each direction that is off. */
export async function checkGradient(target: CaseTarget, c: OpCase): Promise<string[]> {
  const failures: string[] = [];
  if (c.noDifferences) return failures;
  const analytic = await runGradient(target, c, PLAIN);
  using forward = await LoadedCase.load(target, c, PLAIN, forwardGraph(c, PLAIN));
  const h = c.h ?? 0.02;
  const first = await forward.run();
  const cost = [...first.values()].reduce((n, v) => n + v.data.length, 0) * (c.sums ?? 1);
  const elements = Math.max(1, Math.min(12, Math.floor(BUDGET / (4 * cost * (c.gradient ?? []).length)) - 2));
  for (const name of c.gradient ?? []) {
    const gradient = analytic.get(`grad/${name}`)!.data;
    const x = numbersOf(c, name, PLAIN);
    for (const [label, v] of directions(c, name, x.length, elements)) {
      const at = async (t: number): Promise<Projected> => project(c, await forward.run({ [name]: moved(x, v, t * h) }));
      const [p1, m1, p2, m2] = [await at(1), await at(-1), await at(2), await at(-2)];
      const numeric = (8 * (p1.loss - m1.loss) - (p2.loss - m2.loss)) / (12 * h);
      let expected = 0;
      let size = 0;
      for (let i = 0; i < x.length; i++) {
        expected += gradient[i]! * v[i]!;
        size += Math.abs(gradient[i]! * v[i]!);
      }
      // Results and the few values between are rounded to fp32: 2^-24 of their size each, added up as a random walk;
      // the differences weigh them by 1.5 / h. Six standard deviations, twice for the values between.
      const noise = ((12 * 2 ** -24 * 1.5) / h) * Math.max(p1.norm, m1.norm, p2.norm, m2.norm);
      const allowed = noise + 1e-5 * size + 3e-4 * Math.abs(expected);
      if (!(Math.abs(numeric - expected) <= allowed)) {
        failures.push(
          `${c.name}: gradient of ${name} along ${label} is ${expected}, central differences give ${numeric} (allowed ${allowed.toExponential(2)})`,
        );
      }
    }
  }
  return failures;
}

interface Projected {
  readonly loss: number;
  /** Root of the sum of squares of the terms. */
  readonly norm: number;
}

function project(c: OpCase, values: CaseValues): Projected {
  let loss = 0;
  let squares = 0;
  for (const [name, { data, dtype }] of values) {
    if (name.startsWith('state/') || dtype !== 'f32' || (c.loss && !c.loss.includes(name))) continue;
    const weights = projectionOf(c, name, data.length, 'f32');
    for (let i = 0; i < data.length; i++) {
      const term = data[i]! * weights[i]!;
      loss += term;
      squares += term * term;
    }
  }
  return { loss, norm: Math.sqrt(squares) };
}

function directions(c: OpCase, name: string, count: number, elements: number): [string, Float32Array][] {
  const words = testWords(`${c.name}/directions/${name}`, Math.max(count, 16));
  const signs = [0, 1].map((bit): [string, Float32Array] => [
    `signs ${bit}`,
    Float32Array.from({ length: count }, (_, i) => ((words[i]! >>> bit) & 1 ? 1 : -1)),
  ]);
  const picked = new Set<number>(
    count <= elements
      ? Array.from({ length: count }, (_, i) => i)
      : Array.from(words.subarray(0, elements), (w) => w % count),
  );
  const single = [...picked].map((at): [string, Float32Array] => {
    const v = new Float32Array(count);
    v[at] = 1;
    return [`element ${at}`, v];
  });
  return [...signs, ...single];
}

function moved(x: Float64Array, v: Float32Array, t: number): Float64Array {
  return x.map((value, i) => value + t * v[i]!);
}
