/**
 * Patch size and network shape from the data: how large a patch to take, where to halve it, which kernels. Pure functions.
 *
 * Follows nnU-Net's planner for the topology; the patch is bounded by the bytes that the compiler says a step needs, not by
 * an estimate.
 *
 * Source: Isensee et al. 2021 (nnU-Net), its published planning rules.
 */
import { roundHalfEven, type Triple } from '@revoxel/imaging';
import { DataArgumentError } from '../data/errors.js';

/** Shape of a U-Net for a patch. */
export interface Topology {
  /** Step into each level, first 1. */
  readonly strides: readonly Triple[];
  /** Kernel of each level. */
  readonly kernels: readonly Triple[];
  /** The patch, grown to a multiple of all steps. */
  readonly patch: Triple;
  /** Product of the steps. */
  readonly divisor: Triple;
}

/** Smallest edge of the lowest feature map. */
const SMALLEST_EDGE = 4;
/** An axis whose voxels are this much longer than the shortest is not halved and not convolved along yet. */
const ANISOTROPY = 2;
/** Edge of the first guess for isotropic voxels. */
const LARGEST_EDGE = 256;

/**
 * Where to halve a patch.
 *
 * @param spacing - mm, `[D, H, W]`.
 * @param wanted - voxels, `[D, H, W]`.
 * @param mostLevels - no more resolutions than this, at least 2; some networks grow too wide with every one. Default no limit.
 * @throws DataArgumentError when it is too small to be halved at all.
 */
export function topologyFor(spacing: Triple, wanted: Triple, mostLevels = Number.POSITIVE_INFINITY): Topology {
  let size = [...wanted];
  let sp = [...spacing];
  const divisor = [1, 1, 1];
  const kernel = [1, 1, 1];
  const strides: number[][] = [[1, 1, 1]];
  const kernels: number[][] = [];
  while (strides.length < mostLevels) {
    const large = [0, 1, 2].filter((axis) => size[axis]! >= 2 * SMALLEST_EDGE);
    if (large.length === 0) break;
    const finest = Math.min(...large.map((axis) => sp[axis]!));
    const halved = large.filter((axis) => sp[axis]! / finest < ANISOTROPY);
    if (halved.length === 1 && size[halved[0]!]! < 3 * SMALLEST_EDGE) break;
    const finestOfAll = Math.min(...sp);
    for (let axis = 0; axis < 3; axis++)
      if (kernel[axis] === 1 && sp[axis]! / finestOfAll < ANISOTROPY) kernel[axis] = 3;
    kernels.push([...kernel]);
    strides.push([0, 1, 2].map((axis) => (halved.includes(axis) ? 2 : 1)));
    size = size.map((n, axis) => (halved.includes(axis) ? Math.ceil(n / 2) : n));
    sp = sp.map((s, axis) => (halved.includes(axis) ? s * 2 : s));
    for (const axis of halved) divisor[axis]! *= 2;
  }
  if (strides.length === 1)
    throw new DataArgumentError(
      'patch',
      'a size that can be halved once: at least 8 voxels along two axes, or 12 along one',
      `[${wanted.join(', ')}]`,
    );
  kernels.push([3, 3, 3]);
  return {
    strides: strides as unknown as Triple[],
    kernels: kernels as unknown as Triple[],
    patch: wanted.map((n, axis) => Math.ceil(n / divisor[axis]!) * divisor[axis]!) as unknown as Triple,
    divisor: divisor as unknown as Triple,
  };
}

/**
 * First guess of a patch: a box of equal physical edges with 256^3 voxels, cut to the median image.
 *
 * @param spacing - mm. @param medianShape - voxels, may be fractional.
 */
export function initialPatch(spacing: Triple, medianShape: Triple): Triple {
  const inverse = spacing.map((s) => 1 / s);
  const scale = LARGEST_EDGE / Math.cbrt(inverse[0]! * inverse[1]! * inverse[2]!);
  return inverse.map((v, axis) =>
    Math.max(1, Math.min(roundHalfEven(v * scale), Math.round(medianShape[axis]!))),
  ) as unknown as Triple;
}

/**
 * The largest patch whose step fits a memory budget: the first guess, cut along the axis that covers most of the median image
 * until it fits.
 *
 * @param bytesOf - memory of a training step for a topology, in bytes.
 * @param topologyOf - shape of the network for a patch. Default: `topologyFor` at the spacing.
 * @throws DataArgumentError when not even the smallest patch fits.
 */
export function planPatch(
  spacing: Triple,
  medianShape: Triple,
  budgetBytes: number,
  bytesOf: (topology: Topology) => number,
  topologyOf: (patch: Triple) => Topology = (patch) => topologyFor(spacing, patch),
): Topology {
  let topology = topologyOf(initialPatch(spacing, medianShape));
  for (;;) {
    const bytes = bytesOf(topology);
    if (bytes <= budgetBytes) return topology;
    const { patch, divisor } = topology;
    const ratios = patch.map((n, axis) => (n > divisor[axis]! ? n / medianShape[axis]! : 0));
    const largest = Math.max(...ratios);
    if (largest === 0 || Math.max(...patch) <= 2 * SMALLEST_EDGE) {
      throw new DataArgumentError(
        'memoryBytes',
        `at least ${Math.ceil(bytes / 2 ** 20)} MiB (the smallest patch, [${patch.join(', ')}])`,
        `${Math.floor(budgetBytes / 2 ** 20)} MiB`,
      );
    }
    const axis = ratios.lastIndexOf(largest);
    const smaller = patch.map((n, i) => (i === axis ? n - divisor[i]! : n)) as unknown as Triple;
    // The smaller patch may allow fewer halvings and then need less padding: the topology is found anew.
    const step = topologyOf(smaller).divisor[axis]!;
    topology = topologyOf(patch.map((n, i) => (i === axis ? Math.max(step, n - step) : n)) as unknown as Triple);
  }
}
