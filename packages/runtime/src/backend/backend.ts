/** The contract between plans and the machines that run them. Implemented here by `reference` and `typescript`, and by the native packages. */

import type { DType, HostArray } from '../graph/dtype.js';
import type { Shape } from '../graph/shape.js';
import type { Plan } from '../plan/plan.js';
import type { BackendProfile } from './profile.js';

/** Facts about the device, for people and logs. */
export interface DeviceFacts {
  /** E.g. the CPU's or GPU's name as the system tells it. */
  readonly device: string;
  readonly threads: number;
  /** Bytes of memory the device has in all. */
  readonly memoryBytes: number;
  /** E.g. instruction set, library versions. */
  readonly details: Readonly<Record<string, string>>;
}

export interface SessionOptions {
  /** Seed of the parameters' initial values; default 0. */
  readonly seed?: number;
  /** Refuse plans whose persistent and transient segments together need more bytes; default: no limit but the device's. */
  readonly memoryLimitBytes?: number;
}

export interface Backend {
  readonly name: string;
  readonly profile: BackendProfile;
  readonly facts: DeviceFacts;
  createSession(options?: SessionOptions): Promise<Session>;
}

/** Bytes a session holds. */
export interface SessionMemory {
  readonly persistentBytes: number;
  readonly transientBytes: number;
  /** Step and return blocks and what else the session maps beside the two segments. */
  readonly otherBytes: number;
  /** Bytes of these mappings that are resident, measured, where the system can tell. */
  readonly residentBytes: number | undefined;
}

/**
 * Owns device memory: one persistent segment (stable addresses, grows only in `load`) and one transient segment as
 * large as its largest plan. Plans run one at a time.
 */
export interface Session {
  readonly backend: Backend;
  /**
   * Make room for a plan and initialise persistent values it names that the session does not have yet.
   * @throws OutOfMemoryError, or RevoxelError ERR_PLAN if a name exists with another shape or dtype.
   */
  load(plan: Plan): Promise<Executable>;
  /** Names of the persistent values (without derived copies), in order of appearance. */
  names(): readonly string[];
  /** Shape, dtype and kind of a persistent value. @throws ArgumentError for an unknown name */
  describe(name: string): {
    readonly shape: Shape;
    readonly dtype: DType;
    readonly kind: 'parameter' | 'optimizer' | 'buffer';
  };
  /** A copy of a persistent value in logical C order. */
  read(name: string): Promise<HostArray>;
  /** Overwrite a persistent value, given in logical C order; derived copies follow. */
  write(name: string, data: HostArray): Promise<void>;
  memory(): SessionMemory;
  readonly disposed: boolean;
  /** Release all memory; its executables become unusable. Waits for nothing: must not be called while a run is in flight. */
  dispose(): void;
  [Symbol.dispose](): void;
}

export interface RunOptions {
  /** Buffers that outputs are copied into, by output name; others are fresh. */
  readonly into?: Readonly<Record<string, HostArray>>;
  /** Stops the run between two kernels with an AbortedError. */
  readonly signal?: AbortSignal;
}

/** A plan loaded into a session. */
export interface Executable {
  readonly plan: Plan;
  /**
   * Run the plan once.
   * @param inputs - every input of the plan, logical C order, exact length and array type.
   * @param step - every scalar of the step block.
   * @returns every output, logical C order; never views of the session's memory.
   */
  run(
    inputs: Readonly<Record<string, HostArray>>,
    step?: Readonly<Record<string, number>>,
    options?: RunOptions,
  ): Promise<Record<string, HostArray>>;
}
