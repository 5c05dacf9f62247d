/**
 * The largest cube a network can be trained on within a number of bytes: bisection over compiled plans. Nothing is run and no
 * formula is trusted; what fits is what the compiler lays out.
 */
import { setImmediate } from 'node:timers/promises';
import { modelLimits, trainingStep, type TrainingStepConfig } from '@revoxel/models';
import { compile, OutOfMemoryError, type BackendProfile, type Graph, type MemoryMode } from '@revoxel/runtime';
import { FIXED_MODES } from './memory-setting.js';

/** A network without a patch. */
export interface CubeProgram extends Omit<TrainingStepConfig, 'patch'> {
  /** Spatial axes, 2 or 3. */
  readonly rank: number;
}

/** No device holds one channel of such a cube. */
const MOST_VOXELS = 2 ** 40;

/** Finds the largest cube under several memory choices; sizes that were tried once are not traced again. */
export class CubeSearch {
  readonly #program: CubeProgram;
  readonly #profile: BackendProfile;
  readonly #budgetBytes: number;
  readonly #signal: AbortSignal | undefined;
  /** Edges are multiples of it. */
  readonly #unit: number;
  /** Smallest multiple: the lowest level must have more than one voxel. */
  readonly #least: number;
  readonly #graphs = new Map<number, Graph>();
  readonly #found = new Map<MemoryMode, number>();

  /** @param budgetBytes - for parameters, optimiser state and activations together. */
  constructor(program: CubeProgram, profile: BackendProfile, budgetBytes: number, signal?: AbortSignal) {
    this.#program = program;
    this.#profile = profile;
    this.#budgetBytes = budgetBytes;
    this.#signal = signal;
    const { divisor } = modelLimits(program.model, program.rank);
    this.#unit = divisor.reduce(leastCommonMultiple);
    this.#least = divisor.every((d) => d === this.#unit) ? 2 : 1;
  }

  /**
   * @returns voxels along each edge, or null when not even the smallest cube fits.
   * @throws the signal's reason when it stops.
   */
  async edge(memory: MemoryMode): Promise<number | null> {
    const multiple = memory === 'auto' ? await this.#auto() : await this.#bisect(memory);
    return multiple < this.#least ? null : multiple * this.#unit;
  }

  /** The largest multiple that fits, or one less than the least. */
  async #bisect(memory: MemoryMode): Promise<number> {
    const known = this.#found.get(memory);
    if (known !== undefined) return known;
    let low = this.#least - 1;
    let high = this.#least;
    while (await this.#fits(high, memory)) {
      low = high;
      high *= 2;
    }
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (await this.#fits(middle, memory)) low = middle;
      else high = middle;
    }
    this.#found.set(memory, low);
    return low;
  }

  /** `auto` searches for seconds: it is asked only beyond what the others reach. */
  async #auto(): Promise<number> {
    let best = this.#least - 1;
    for (const memory of FIXED_MODES) best = Math.max(best, await this.#bisect(memory));
    // Inexact inverses are not taken by `auto`, so it may fall short of `invert`.
    while (best >= this.#least && !(await this.#fits(best, 'auto'))) best--;
    while (await this.#fits(best + 1, 'auto')) best++;
    return best;
  }

  async #fits(multiple: number, memory: MemoryMode): Promise<boolean> {
    await setImmediate();
    this.#signal?.throwIfAborted();
    const { rank, ...program } = this.#program;
    const size = multiple * this.#unit;
    if (size ** rank > MOST_VOXELS) return false;
    let graph = this.#graphs.get(multiple);
    if (graph === undefined) {
      graph = trainingStep({ ...program, patch: new Array<number>(rank).fill(size) });
      this.#graphs.set(multiple, graph);
    }
    try {
      compile(graph, this.#profile, { memory, budgetBytes: this.#budgetBytes });
      return true;
    } catch (error) {
      if (error instanceof OutOfMemoryError) return false;
      throw error;
    }
  }
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
