/** What can be asked of the memory pass, and what it answers. */

/**
 * How the values that the backward pass needs come to be there.
 *
 * `keep`: they are kept. `recompute`: only what crosses the borders of about sqrt(N) segments is kept, the rest is computed
 * forward again. `invert`: what follows from later values (couplings, lossless resampling, skips) is rebuilt from them.
 * `auto`: for every region the fastest of these such that the plan fits a byte budget.
 */
export type MemoryMode = (typeof MEMORY_MODES)[number];

export const MEMORY_MODES = ['keep', 'recompute', 'invert', 'auto'] as const;

export interface MemoryOptions {
  /** Default `keep`. The network, its weights and its gradients are the same under every choice (floats inverted: see docs/reversible.md). */
  readonly memory?: MemoryMode;
  /** `auto`: peak bytes of the plan, persistent and transient segment together. */
  readonly budgetBytes?: number;
  /**
   * Whether values that one cheap pass makes again (normalised and activated tensors, pooled ones, copies) are made again
   * rather than kept, as long as all of that costs under 5 % of the step. The bits do not change. Default true.
   */
  readonly cheap?: boolean;
}

/** What the memory pass decided for one unit (a region, or several) of the network. */
export type UnitChoice = 'keep' | 'recompute' | 'join' | 'invert';

/** The decision behind a plan. */
export interface MemoryChoice {
  readonly mode: MemoryMode;
  /** Per unit: its region's name and what was chosen. `join`: recomputed in one segment with the unit before it. */
  readonly units: readonly { readonly name: string; readonly choice: UnitChoice }[];
  /** FLOPs and bytes moved beyond those of a plan that keeps everything. */
  readonly extraFlops: number;
  readonly extraBytes: number;
  /** Time of a step by the profile's nominal speed, seconds. */
  readonly seconds: number;
  /** The same for a plan that keeps everything. */
  readonly keepSeconds: number;
  /** What the user should know, e.g. that inverted floats drift. */
  readonly warnings: readonly string[];
}
