/** What process.test.ts runs in a process of its own; prints one JSON object. Uses the built package. */
import {
  compile,
  conv,
  createReferenceBackend,
  gradients,
  heNormal,
  instanceNorm,
  leakyRelu,
  mean,
  ONES,
  sgdUpdate,
  trace,
  ZEROS,
} from '@revoxel/runtime';
import { formatFailures, OP_CASES, runOpCases } from '@revoxel/runtime/testing';
import { createBackend, probe } from '../dist/index.js';

const backend = await createBackend();

/** A few layers on a patch large enough for some hundred MiB. */
function largeStep() {
  return trace('large', (g) => {
    const layers = [];
    let x = g.input('x', [1, 1, 64, 80, 64]);
    for (let i = 0; i < 8; i++) {
      const [ci, co] = [x.shape[1], 16];
      const w = g.parameter(`w${i}`, [co, ci, 3, 3, 3], heNormal(ci * 27));
      x = leakyRelu(
        instanceNorm(
          conv(x, w, undefined, { padding: 1 }),
          g.parameter(`gamma${i}`, [co], ONES),
          g.parameter(`beta${i}`, [co], ZEROS),
        ),
      );
      layers.push(w);
    }
    const loss = mean(x);
    g.output('loss', loss);
    gradients(loss, layers).forEach((dw, i) => {
      const m = g.state(`m${i}`, dw.shape, ZEROS, 'optimizer');
      sgdUpdate(layers[i], dw, m, g.step('lr'), g.step('scale'), { momentum: 0.9, weightDecay: 0, nesterov: true });
    });
  });
}

const modes = {
  async memory() {
    const plan = compile(largeStep(), backend.profile);
    const x = new Float32Array(64 * 80 * 64).map((_, i) => Math.sin(i));
    globalThis.gc();
    const rssBefore = process.memoryUsage.rss();
    const session = await backend.createSession();
    const step = await session.load(plan);
    for (let i = 0; i < 2; i++) await step.run({ x }, { lr: 0.01, scale: 1 });
    const rssAfter = process.memoryUsage.rss();
    session.dispose();
    return { plannedBytes: plan.memory.peakBytes, rssBefore, rssAfter };
  },
  async convolutions() {
    const cases = OP_CASES.filter((c) => c.op.startsWith('conv'));
    const failures = formatFailures(await runOpCases(backend, { reference: createReferenceBackend(), cases }));
    return { isa: probe().facts.isa, failures };
  },
};

console.log(JSON.stringify(await modes[process.argv[2]]()));
