import { describe, expect, it } from 'vitest';
import { compile } from '../../src/compile.js';
import { gradients } from '../../src/autodiff/gradients.js';
import { trace } from '../../src/graph/builder.js';
import { ONES, ZEROS } from '../../src/graph/initializer.js';
import { conv, fill, leakyRelu, mul, scale, sgdUpdate, sum } from '../../src/ops/index.js';
import { printPlan } from '../../src/plan/print.js';
import type { Plan, PlanValue } from '../../src/plan/plan.js';
import { testProfile } from '../support/profile.js';

const value = (plan: Plan, call: number, output = 0): PlanValue => plan.values[plan.calls[call]!.outputs[output]!]!;

describe('compile', () => {
  it('overwrites an operand that has no later reader, and only then', () => {
    const plan = compile(
      trace('chain', (g) => {
        const x = g.input('x', [64]);
        const a = scale(x, 2);
        const b = leakyRelu(a);
        g.output('y', mul(b, a));
      }),
      testProfile(),
    );
    const x = plan.values[plan.inputs[0]!.value]!;
    expect(value(plan, 0).offset).toBe(x.offset);
    expect(value(plan, 1).offset).not.toBe(value(plan, 0).offset);
    expect(plan.memory.transientBytes).toBe(2 * 256);
    expect(plan.memory.lowerBoundBytes).toBe(2 * 256);
  });

  it('prints as text', () => {
    const plan = compile(
      trace('train', (g) => {
        const w = g.parameter('w', [2, 1, 3, 3], ONES);
        const loss = sum(leakyRelu(conv(g.input('x', [1, 1, 4, 4]), w, undefined, { padding: 1 })));
        const [dw] = gradients(loss, [w]);
        g.phase('update', () =>
          sgdUpdate(w, dw!, g.state('momentum.w', w.shape, ZEROS, 'optimizer'), g.step('lr'), fill(g, [], 1), {
            momentum: 0.9,
            weightDecay: 0,
            nesterov: true,
          }),
        );
        g.output('loss', loss);
      }),
      testProfile({
        packedElements: ({ op }) => (op === 'conv' ? 288 : 0),
        scratchBytes: ({ op }) => (op === 'convWeightGrad' ? 100 : 0),
      }),
    );
    expect(printPlan(plan)).toMatchSnapshot();
    expect(plan.writes).toEqual(['momentum.w', 'w']);
    expect(plan.derived.map((d) => d.sources)).toEqual([['w']]);
    // The packed copy is made again after the update.
    expect(plan.calls.at(-1)!.op).toBe('packWeights');
    const classes = plan.memory.byClass;
    const total = Object.values(classes).reduce((a, b) => a + b, 0);
    expect(total).toBe(plan.memory.lowerBoundBytes + plan.memory.persistentBytes);
    expect(classes.parameters).toBe(128);
    expect(classes.gradients).toBe(128);
  });

  it('puts the gradients of parameters into one contiguous block in backward order', () => {
    const plan = compile(
      trace('two layers', (g) => {
        const [w0, w1] = [g.parameter('w0', [4, 2, 3, 3], ONES), g.parameter('w1', [4, 4, 3, 3], ONES)];
        const loss = sum(conv(leakyRelu(conv(g.input('x', [1, 2, 6, 6]), w0)), w1));
        const grads = gradients(loss, [w0, w1]);
        g.phase('update', () =>
          [w0, w1].forEach((w, i) =>
            sgdUpdate(w, grads[i]!, g.state(`m${i}`, w.shape, ZEROS, 'optimizer'), g.step('lr'), fill(g, [], 1), {
              momentum: 0,
              weightDecay: 0,
              nesterov: false,
            }),
          ),
        );
      }),
      testProfile(),
    );
    const grads = plan.calls.flatMap((c, i) => (c.op === 'convWeightGrad' ? [value(plan, i)] : []));
    expect(grads.map((v) => v.memoryClass)).toEqual(['gradients', 'gradients']);
    expect(grads[1]!.offset).toBe(grads[0]!.offset + grads[0]!.bytes);
  });
});
