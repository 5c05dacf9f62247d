/** A session whose memory JavaScript can see; what is left to subclasses is where buffers come from and who runs the kernels. */

import { elementCount } from '../../graph/shape.js';
import { copyLayout } from '../../graph/shape.js';
import type { HostArray } from '../../graph/dtype.js';
import type { Plan } from '../../plan/plan.js';
import type { Backend, SessionMemory, SessionOptions } from '../backend.js';
import { BaseSession, type ExecuteRequest, type PersistentPlace, type PreparedPlan } from '../base-session.js';
import { HostMemory, viewOf } from './host-memory.js';

export abstract class HostSession extends BaseSession {
  protected readonly host: HostMemory;

  protected constructor(
    backend: Backend,
    options: SessionOptions | undefined,
    allocate: (bytes: number) => ArrayBufferLike,
  ) {
    super(backend, options);
    this.host = new HostMemory(allocate);
  }

  protected ensurePersistent(bytes: number): void {
    this.host.ensurePersistent(bytes);
  }

  protected ensureTransient(bytes: number): void {
    this.host.ensureTransient(bytes);
  }

  protected copyIn({ dtype, shape, offset }: PersistentPlace, source: HostArray): void {
    copyLayout(source, viewOf(this.host.map(), 'persistent', dtype, offset, source.length), shape, 'toPhysical');
  }

  protected copyOut({ dtype, shape, offset }: PersistentPlace, target: HostArray): void {
    copyLayout(viewOf(this.host.map(), 'persistent', dtype, offset, target.length), target, shape, 'toHost');
  }

  protected measure(): Pick<SessionMemory, 'otherBytes' | 'residentBytes'> {
    // The system lists mappings by address, and JavaScript never learns a buffer's address.
    return { otherBytes: this.host.otherBytes, residentBytes: undefined };
  }

  protected release(): void {
    this.host.release();
  }

  protected prepare(plan: Plan, offsets: readonly number[]): PreparedPlan {
    this.host.ensureBlocks(plan.stepBytes, plan.returnBytes);
    const runKernels = this.bind(plan, offsets);
    return {
      execute: async ({ refresh, inputs, step, outputs, signal }: ExecuteRequest): Promise<void> => {
        const map = this.host.map();
        new Uint8Array(map.step).set(step);
        plan.inputs.forEach(({ value: id }, i) => {
          const value = plan.values[id]!;
          const place = viewOf(map, value.segment, value.dtype, offsets[id]!, elementCount(value.shape));
          copyLayout(inputs[i]!, place, value.shape, 'toPhysical');
        });
        await runKernels(refresh, signal);
        plan.outputs.forEach(({ value: id }, i) => {
          const value = plan.values[id]!;
          const place = viewOf(map, value.segment, value.dtype, offsets[id]!, elementCount(value.shape));
          copyLayout(place, outputs[i]!, value.shape, 'toHost');
        });
      },
    };
  }

  /**
   * Bind a plan's kernels.
   * @returns a function that runs the calls of the derived values listed in `refresh`, then all calls of the plan, over
   * the memory as it then is.
   */
  protected abstract bind(
    plan: Plan,
    offsets: readonly number[],
  ): (refresh: readonly number[], signal: AbortSignal | undefined) => Promise<void>;
}
