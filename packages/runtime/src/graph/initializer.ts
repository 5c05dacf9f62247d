/**
 * How a parameter starts. The numbers are drawn from the counter-based generator keyed by seed and name, so that they
 * do not depend on the order in which a network declares its parameters.
 */

export type Initializer =
  | { readonly kind: 'constant'; readonly value: number }
  /** Normal with std = gain * sqrt(1 / fan). */
  | { readonly kind: 'normal'; readonly std: number }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number };

export const ZEROS: Initializer = { kind: 'constant', value: 0 };
export const ONES: Initializer = { kind: 'constant', value: 1 };

/**
 * He initialisation for a leaky ReLU of the given slope: normal, std = sqrt(2 / ((1 + slope^2) * fanIn)).
 * @param fanIn - inputs that one output sums: Ci/groups * product of the kernel sizes.
 * @see He et al. 2015 (arXiv 1502.01852), equation 15.
 */
export function heNormal(fanIn: number, slope = 0): Initializer {
  return { kind: 'normal', std: Math.sqrt(2 / ((1 + slope * slope) * fanIn)) };
}
