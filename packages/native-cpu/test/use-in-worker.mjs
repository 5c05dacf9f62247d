/** What workers.test.ts runs in a worker: one evaluation, or runs without end. Uses the built package. */
import { parentPort, workerData } from 'node:worker_threads';
import { compile, evaluate, matmul, relu, trace } from '@revoxel/runtime';
import { createBackend } from '../dist/index.js';

const backend = await createBackend({ threads: 2 });
if (workerData.mode === 'once') {
  const x = { data: new Float32Array([-1, 2]), shape: [2] };
  const { y } = await evaluate(backend, { x }, (_g, t) => ({ y: relu(t.x) }));
  parentPort.postMessage([...y.data].map((v) => v + 0));
} else {
  const session = await backend.createSession();
  const size = 1024;
  const graph = trace('chain', (g) => {
    const x = g.input('x', [size, size]);
    let y = x;
    for (let i = 0; i < 64; i++) y = matmul(y, x);
    g.output('y', y);
  });
  const run = await session.load(compile(graph, backend.profile));
  const x = new Float32Array(size * size);
  const going = run.run({ x });
  setTimeout(() => parentPort.postMessage('running'), 20);
  for (;;) await going.then(() => run.run({ x }));
}
