/** A worker thread of a session: runs its part of every kernel of a plan, in step with the others. Started by `WorkerTeam` only. */

import { parentPort, workerData } from 'node:worker_threads';
import { RevoxelError } from '../../errors.js';
import type { KernelCall, Plan } from '../../plan/plan.js';
import { bindCall, type Phase } from '../executor/bind.js';
import type { MemoryMap } from '../executor/host-memory.js';
import { Barrier } from './barrier.js';
import type { RunEnd, ToWorker, WorkerStart } from './messages.js';
import { TYPESCRIPT_KERNELS } from './registry.js';

interface Loaded {
  readonly plan: Plan;
  readonly offsets: readonly number[];
  /** Phases of `plan.calls`, and of each derived call; bound to the current memory at first use. */
  calls: Phase[] | undefined;
  derived: (Phase[] | undefined)[];
}

const { part, parts, barrier: shared } = workerData as WorkerStart;
const barrier = new Barrier(shared, parts);
const plans = new Map<number, Loaded>();
let memory: MemoryMap | undefined;

parentPort!.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'plan':
      plans.set(message.id, { plan: message.plan, offsets: message.offsets, calls: undefined, derived: [] });
      return;
    case 'memory':
      memory = message.map;
      for (const loaded of plans.values()) {
        loaded.calls = undefined;
        loaded.derived = [];
      }
      return;
    case 'run':
      parentPort!.postMessage(runPlan(plans.get(message.id)!, message.refresh));
      return;
    default:
      message satisfies never;
  }
});

function runPlan(loaded: Loaded, refresh: readonly number[]): RunEnd {
  let failure: RunEnd['failure'];
  let current: { readonly op: string; readonly name: string } = { op: 'plan', name: loaded.plan.name };
  const guard = <T>(body: () => T): T | undefined => {
    try {
      return body();
    } catch (error) {
      const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
      const code = error instanceof RevoxelError ? error.code : undefined;
      failure = { op: current.op, name: current.name, error: { code, name, message, stack } };
      barrier.fail();
      return undefined;
    }
  };
  const bind = (call: KernelCall): Phase[] => {
    current = call;
    return bindCall(call, loaded.plan, loaded.offsets, memory!, TYPESCRIPT_KERNELS, part, parts);
  };
  const phases = guard(() => [
    ...refresh.flatMap((i) => (loaded.derived[i] ??= bind(loaded.plan.derived[i]!.call))),
    ...(loaded.calls ??= loaded.plan.calls.flatMap(bind)),
  ]);
  let decision = barrier.meet();
  for (const phase of phases ?? []) {
    if (decision !== 'go') break;
    current = phase;
    if (phase.run) guard(phase.run);
    decision = barrier.meet();
  }
  const end = decision === 'go' ? 'done' : decision === 'abort' ? 'aborted' : 'failed';
  return failure ? { end, failure } : { end };
}
