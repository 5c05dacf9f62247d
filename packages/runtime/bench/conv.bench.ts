/**
 * Convolutions of the `typescript` backend: forward, gradient of the input, gradient of the weights, GFLOP/s (2 per
 * multiply-add, taps on padding included). Run with `npm run bench -w packages/runtime`, or for chosen thread numbers
 * with `REVOXEL_THREADS`.
 */

import { bench, describe } from 'vitest';
import {
  compile,
  conv,
  heNormal,
  trace,
  type Executable,
  type Graph,
  type Session,
  type Tensor,
} from '../src/index.js';
import { createTypescriptBackend } from '../src/backend/typescript/backend.js';

const SIZE = 32;

type Pass = 'forward' | 'input gradient' | 'weight gradient';

/** One convolution, or one of its gradients. */
function graphOf(channels: number, pass: Pass): Graph {
  return trace(pass, (g) => {
    const shape = [1, channels, SIZE, SIZE, SIZE];
    const w = g.parameter('w', [channels, channels, 3, 3, 3], heNormal(27 * channels));
    const x = g.input('x', shape);
    if (pass === 'forward') {
      g.output('y', conv(x, w, undefined, { padding: 'same' }));
      return;
    }
    const dy = g.input('dy', shape);
    const common = {
      kernel: [3, 3, 3],
      stride: [1, 1, 1],
      padBefore: [1, 1, 1],
      dilation: [1, 1, 1],
      groups: 1,
      bias: false,
    };
    const [result] =
      pass === 'weight gradient'
        ? g.emit('convWeightGrad', [x, dy], { ...common, pieces: 1 })
        : g.emit('convTranspose', [dy, w], {
            ...common,
            padAfter: [1, 1, 1],
            outSize: [SIZE, SIZE, SIZE],
            inChannels: channels,
            channelBegin: 0,
            channelCount: channels,
            form: 'plain',
          });
    g.output('y', result as Tensor);
  });
}

const backend = createTypescriptBackend();

describe(`typescript backend, ${backend.facts.threads} thread(s), ${backend.facts.device}, node ${process.version}`, () => {
  for (const channels of [16, 32]) {
    for (const pass of ['forward', 'input gradient', 'weight gradient'] as const) {
      const name = `${channels}->${channels} @${SIZE}^3 ${pass}`;
      const plan = compile(graphOf(channels, pass), backend.profile);
      const inputs = Object.fromEntries(
        plan.inputs.map(({ name: input, value }) => [input, new Float32Array(plan.values[value]!.bytes / 4).fill(0.5)]),
      );
      const times: number[] = [];
      let session: Session;
      let executable: Executable;
      bench(
        name,
        async () => {
          const begin = performance.now();
          await executable.run(inputs);
          times.push(performance.now() - begin);
        },
        {
          time: 1500,
          warmupTime: 300,
          async setup() {
            session = await backend.createSession();
            executable = await session.load(plan);
            times.length = 0;
          },
          teardown(_, mode) {
            session.dispose();
            if (mode !== 'run') return;
            const median = times.sort((a, b) => a - b)[times.length >> 1]!;
            console.log(
              `${name}: median of ${times.length} ${median.toFixed(1)} ms, ${(plan.flops / median / 1e6).toFixed(2)} GFLOP/s`,
            );
          },
        },
      );
    }
  }
});
