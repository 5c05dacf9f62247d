/**
 * How far inversion drifts: a chain of double blocks on white noise, a hard case. Relative error (root mean square) of the
 * input rebuilt from the output, and of the gradient of the first block's first weight against that of kept activations.
 *
 * Setup: 16 + 16 channels, 16^3 voxels, residual functions group norm (8 groups), leaky ReLU 0.01, 3x3x3 convolution with
 * He weights times `gain`; state and its gradient standard normal.
 */

import { gradients } from '../autodiff/gradients.js';
import type { Backend } from '../backend/backend.js';
import { compile } from '../compile.js';
import { trace } from '../graph/builder.js';
import type { HostArray } from '../graph/dtype.js';
import type { Graph } from '../graph/graph.js';
import { heNormal, ONES, ZEROS } from '../graph/initializer.js';
import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { add, mul } from '../ops/binary.js';
import { cast } from '../ops/cast.js';
import { conv } from '../ops/conv.js';
import { couple } from '../ops/couple.js';
import { dequantize } from '../ops/dequantize.js';
import { START_EXPONENT } from '../ops/fixed-point.js';
import { groupNorm } from '../ops/norm.js';
import { quantize } from '../ops/quantize.js';
import { sum } from '../ops/reduce.js';
import { leakyRelu } from '../ops/unary.js';
import { testWords } from './test-data.js';

export interface DriftSetup {
  readonly stream: 'f32' | 'bf16' | 'q16' | 'q32';
  readonly precision: 'f32' | 'bf16';
  readonly blocks: number;
  /** Factor on the He weights. Default 1. */
  readonly gain?: number;
}

export interface Drift {
  readonly state: number;
  readonly gradient: number;
}

const CHANNELS = 16;
const SIZE = [16, 16, 16];

function graphOf({ stream, precision, blocks, gain = 1 }: DriftSetup): Graph {
  return trace('drift', (g) => {
    const fixed = stream === 'q16' || stream === 'q32';
    const exponent = fixed ? g.state('exponent', [1], { kind: 'constant', value: START_EXPONENT[stream] }) : undefined;
    const leave = (k: Tensor): Tensor => (exponent ? dequantize(k, exponent, precision) : cast(k, precision));
    const residual = (k: Tensor): Tensor => {
      const [gamma, beta] = [g.parameter('gamma', [CHANNELS], ONES), g.parameter('beta', [CHANNELS], ZEROS)];
      const { std } = heNormal(CHANNELS * 27, 0.01) as { std: number };
      const weight = g.parameter('weight', [CHANNELS, CHANNELS, 3, 3, 3], { kind: 'normal', std: gain * std });
      return conv(leakyRelu(groupNorm(leave(k), gamma, beta, 8), 0.01), weight, undefined, { padding: 1 });
    };
    const coupleAdd = (k: Tensor, f: Tensor): Tensor => (exponent ? couple(k, f, exponent) : add(k, cast(f, k.dtype)));
    const one = g.input('one', []);
    const [x1, x2] = ['x1', 'x2'].map((name) => {
      // A value of the graph, since inputs always are there.
      const x = mul(g.input(name, [1, CHANNELS, ...SIZE]), one);
      return fixed ? quantize(x, exponent!, stream) : cast(x, stream);
    });
    let [a, b] = [x1!, x2!];
    for (let i = 0; i < blocks; i++) {
      [a, b] = g.region(
        `block${i}`,
        () => {
          const y = g.scope('f', () => coupleAdd(a, residual(b)));
          return [y, g.scope('g', () => coupleAdd(b, residual(y)))] as [Tensor, Tensor];
        },
        { reversible: true },
      );
    }
    const terms = [a, b].map((y, i) => {
      const value = exponent ? dequantize(y, exponent) : cast(y, 'f32');
      return sum(mul(value, g.input(`dy${i + 1}`, value.shape)));
    });
    const weight = g.parameters().find((p) => p.name === 'block0.f.weight')!;
    g.output('gradient', gradients(add(terms[0]!, terms[1]!), [weight.tensor])[0]!);
    g.at({ path: 'rebuilt', region: -1, phase: 'backward', order: 0 }, () => {
      const value = exponent ? dequantize(x1!, exponent) : cast(x1!, 'f32');
      // A copy: what the graph gives back is always kept.
      g.output('state', mul(value, one));
    });
  });
}

/** Measure one row. @param backend - deterministic, as all are. */
export async function measureDrift(backend: Backend, setup: DriftSetup): Promise<Drift> {
  const graph = graphOf(setup);
  const results: Record<string, Record<string, HostArray>> = {};
  for (const memory of ['keep', 'invert'] as const) {
    using session = await backend.createSession({ seed: 1 });
    const plan = compile(graph, backend.profile, { memory });
    const executable = await session.load(plan);
    const inputs = Object.fromEntries(
      plan.inputs.map(({ name, value }) => [
        name,
        name === 'one' ? Float32Array.of(1) : normal(name, elementCount(plan.values[value]!.shape)),
      ]),
    );
    results[memory] = await executable.run(inputs);
  }
  const { keep, invert } = results;
  return {
    state: relativeError(invert!['state']!, keep!['state']!),
    gradient: relativeError(invert!['gradient']!, keep!['gradient']!),
  };
}

/** Standard normal numbers, by Box and Muller from fixed words. */
function normal(name: string, count: number): Float32Array {
  const words = testWords(name, 2 * count);
  return Float32Array.from({ length: count }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log((words[2 * i]! + 0.5) / 2 ** 32));
    return radius * Math.cos((2 * Math.PI * words[2 * i + 1]!) / 2 ** 32);
  });
}

function relativeError(got: HostArray, want: HostArray): number {
  let [error, size] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    error += (got[i]! - want[i]!) ** 2;
    size += want[i]! ** 2;
  }
  return Math.sqrt(error / size);
}
