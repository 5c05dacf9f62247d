/** A session on shared memory, its kernels run by worker threads. */

import type { Plan } from '../../plan/plan.js';
import type { Backend, SessionOptions } from '../backend.js';
import { HostSession } from '../executor/host-session.js';
import { WorkerTeam } from './worker-team.js';

export class TypescriptSession extends HostSession {
  private team: WorkerTeam | undefined;
  private postedVersion = -1;

  constructor(backend: Backend, options: SessionOptions | undefined) {
    super(backend, options, (bytes) => new SharedArrayBuffer(bytes));
  }

  protected bind(plan: Plan, offsets: readonly number[]) {
    const team = (this.team ??= new WorkerTeam(this.backend.profile.threads));
    const id = team.addPlan(plan, offsets);
    return (refresh: readonly number[], signal: AbortSignal | undefined): Promise<void> => {
      if (this.postedVersion !== this.host.version) {
        team.setMemory(this.host.map());
        this.postedVersion = this.host.version;
      }
      return team.run(id, refresh, signal);
    };
  }

  protected override release(): void {
    this.team?.close();
    super.release();
  }
}
