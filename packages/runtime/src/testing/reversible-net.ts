/**
 * Small reversible networks for tests of the memory pass, by operations alone: two pieces of unequal width, couplings
 * with convolutions, norms and dropout between, lossless resampling, an additive skip.
 */

import { gradients } from '../autodiff/gradients.js';
import { trace, type GraphBuilder } from '../graph/builder.js';
import type { Graph } from '../graph/graph.js';
import { heNormal, ONES, ZEROS } from '../graph/initializer.js';
import type { Tensor } from '../graph/tensor.js';
import { batchNorm } from '../ops/batch-norm.js';
import { add, mul } from '../ops/binary.js';
import { cast } from '../ops/cast.js';
import { concat } from '../ops/concat.js';
import { conv } from '../ops/conv.js';
import { couple } from '../ops/couple.js';
import { dequantize } from '../ops/dequantize.js';
import { dropout } from '../ops/dropout.js';
import { permute } from '../ops/permute.js';
import { groupNorm } from '../ops/norm.js';
import { maxPool } from '../ops/pool.js';
import { quantize } from '../ops/quantize.js';
import { mean } from '../ops/reduce.js';
import { resample } from '../ops/resample.js';
import { resize } from '../ops/resize.js';
import { sgdUpdate } from '../ops/sgd-update.js';
import { fill } from '../ops/fill.js';
import { split } from '../ops/split.js';
import { squeeze, unsqueeze } from '../ops/squeeze.js';
import { leakyRelu } from '../ops/unary.js';

export interface NetOptions {
  readonly stream: 'f32' | 'bf16' | 'q16' | 'q32';
  /** dtype inside the residual functions. Default f32. */
  readonly precision?: 'f32' | 'bf16';
  readonly blocks?: number;
  /** Channels of the two pieces. Default [3, 5]. */
  readonly pieces?: readonly [number, number];
  readonly size?: readonly number[];
  readonly norm?: 'group' | 'batch';
  readonly dropout?: number;
  /** What follows the first half of the blocks and is undone after the second. Default none. */
  readonly middle?: 'none' | 'squeeze' | 'lifting' | 'split' | 'pool';
  /** Also emit SGD updates, so that step after step can be compared. */
  readonly train?: boolean;
  /** Exponent of the grid. */
  readonly exponent?: number;
  /** Factor on the input: large ones make the stream wrap around. */
  readonly gain?: number;
}

/** Trace loss and gradients of all parameters (`grad/<name>`), or with `train` their updates. */
export function reversibleNet(options: NetOptions): Graph {
  return trace('net', (g) => {
    const loss = forward(g, options);
    const parameters = g.parameters();
    const grads = gradients(
      loss,
      parameters.map((p) => p.tensor),
    );
    g.output('loss', loss);
    if (!options.train) grads.forEach((t, i) => g.output(`grad/${parameters[i]!.name}`, t));
    else
      g.phase('update', () => {
        const one = fill(g, [], 1);
        parameters.forEach(({ name, tensor }, i) => {
          const m = g.state(`${name}.momentum`, tensor.shape, ZEROS, 'optimizer');
          sgdUpdate(tensor, grads[i]!, m, g.step('lr'), one, { momentum: 0.9, weightDecay: 0, nesterov: false });
        });
      });
  });
}

/** The parts of such a network, over one graph. */
function parts(g: GraphBuilder, options: NetOptions) {
  const { stream, precision = 'f32', pieces = [3, 5], size = [4, 4, 4] } = options;
  const fixed = stream === 'q16' || stream === 'q32';
  const exponent = fixed
    ? g.state('exponent', [1], { kind: 'constant', value: options.exponent ?? (stream === 'q16' ? 9 : 20) })
    : undefined;
  const leave = (k: Tensor): Tensor => (exponent ? dequantize(k, exponent, precision) : cast(k, precision));
  const enter = (x: Tensor): Tensor => (fixed ? quantize(x, exponent!, stream) : cast(x, stream));
  const coupleAdd = (k: Tensor, f: Tensor): Tensor => (exponent ? couple(k, f, exponent) : add(k, cast(f, k.dtype)));

  const convolve = (x: Tensor, channels: number, name: string, kernel = 3): Tensor =>
    g.scope(name, () => {
      const inputs = x.shape[1]!;
      const taps = kernel ** size.length;
      const weight = g.parameter('weight', [channels, inputs, ...size.map(() => kernel)], heNormal(inputs * taps, 0.1));
      return conv(x, weight, undefined, { padding: 'same' });
    });
  const residual = (x: Tensor, channels: number): Tensor => {
    const c = x.shape[1]!;
    const [gamma, beta] = [g.parameter('gamma', [c], ONES), g.parameter('beta', [c], ZEROS)];
    const normed =
      options.norm === 'batch'
        ? batchNorm(x, gamma, beta, g.state('mean', [1, c], ZEROS), g.state('variance', [1, c], ONES), {
            training: true,
          })
        : groupNorm(x, gamma, beta, c);
    const active = leakyRelu(normed, 0.1);
    return convolve(options.dropout ? dropout(active, options.dropout) : active, channels, 'conv');
  };
  const chain = (state: readonly [Tensor, Tensor], name: string, count: number): [Tensor, Tensor] => {
    let [a, b] = state;
    for (let i = 0; i < count; i++) {
      [a, b] = g.region(
        `${name}${i}`,
        () => {
          const y = g.scope('f', () => coupleAdd(a, residual(leave(b), a.shape[1]!)));
          return [y, g.scope('g', () => coupleAdd(b, residual(leave(y), b.shape[1]!)))] as [Tensor, Tensor];
        },
        { reversible: true },
      );
    }
    return [a, b];
  };

  const image = cast(g.input('x', [2, 2, ...size]), precision);
  const start: [Tensor, Tensor] = [
    enter(convolve(image, pieces[0], 'stem0')),
    enter(convolve(image, pieces[1], 'stem1')),
  ];
  return { leave, enter, coupleAdd, convolve, chain, start };
}

function forward(g: GraphBuilder, options: NetOptions): Tensor {
  const { blocks = 3, pieces = [3, 5], size = [4, 4, 4], middle = 'none' } = options;
  const { leave, enter, coupleAdd, convolve, chain, start } = parts(g, options);
  let state = start;
  state = chain(state, 'down', Math.ceil(blocks / 2));
  switch (middle) {
    case 'squeeze':
    case 'lifting': {
      const to = (x: Tensor, up: boolean): Tensor =>
        middle === 'squeeze'
          ? up
            ? unsqueeze(x, 2)
            : squeeze(x, 2)
          : resample(x, 'lifting', 2, { up, order: 'offsetMajor' });
      const region = (name: string, up: boolean): void => {
        state = g.region(name, () => [to(state[0], up), to(state[1], up)], { reversible: true });
      };
      region('fold', false);
      state = chain(state, 'low', 1);
      region('unfold', true);
      break;
    }
    case 'split': {
      const [a, b] = state;
      const [left, right] = g.region('cut', () => split(b, [2, b.shape[1]! - 2]), { reversible: true });
      const [c, d] = chain([left!, right!], 'inner', 1);
      state = [a, g.region('join', () => concat([c, d], 1), { reversible: true })];
      break;
    }
    case 'pool': {
      const low = g.region('pool', () =>
        state.map((k) => enter(convolve(leave(maxPool(k, 2)), k.shape[1]!, `to${k.shape[1]}`, 1))),
      ) as [Tensor, Tensor];
      const [c, d] = chain(low, 'low', 1);
      state = g.region('up', () => [
        coupleAdd(state[0], resize(convolve(leave(c), pieces[0], 'u0', 1), size)),
        coupleAdd(state[1], resize(convolve(leave(d), pieces[1], 'u1', 1), size)),
      ]);
      break;
    }
    case 'none':
      break;
    default:
      middle satisfies never;
  }
  state = chain(state, 'up', Math.floor(blocks / 2));
  const out = convolve(leave(concat(state, 1)), 2, 'head', 1);
  return cast(mean(mul(out, out)), 'f32');
}

/**
 * A chain of fixed-point blocks, and a backward pass that does nothing but read its first state: under `invert` the whole
 * chain is undone for it. Results `a:original`, `a:end`, `a:rebuilt`, and the same of piece b.
 */
export function exactInverse(options: NetOptions): Graph {
  return trace('inverse', (g) => {
    const { chain, start } = parts(g, options);
    const copy = (x: Tensor): Tensor =>
      permute(
        x,
        x.shape.map((_, axis) => axis),
      );
    start.forEach((x, i) => g.output(`${'ab'[i]}:original`, copy(x)));
    chain(start, 'block', options.blocks ?? 3).forEach((x, i) => g.output(`${'ab'[i]}:end`, copy(x)));
    g.at({ path: 'rebuilt', region: -1, phase: 'backward', order: 0 }, () =>
      start.forEach((x, i) => g.output(`${'ab'[i]}:rebuilt`, copy(x))),
    );
  });
}
