/** What all networks with several resolutions ask of their input's size. */
import { ArgumentError, ShapeError, type Tensor } from '@revoxel/runtime';

/**
 * Check the spatial sizes of a network's input.
 *
 * @param divisor - per axis: the product of the network's steps.
 * @throws ShapeError when an axis is no multiple of it, or when one voxel alone would be left at the lowest level, whose
 *   norm over space would give 0.
 */
export function checkInputSize(network: string, x: Tensor, divisor: readonly number[], levels: number): void {
  const spatial = x.shape.slice(2);
  const fail = (detail: string): never => {
    throw new ShapeError(network, x.graph.scopedName(network), [x.shape], detail);
  };
  const wrong = spatial.findIndex((size, axis) => size % divisor[axis]! !== 0);
  if (wrong >= 0)
    fail(
      `axis ${wrong + 2} has size ${spatial[wrong]!}, which is no multiple of ${divisor[wrong]!} (${levels} levels); use such a patch size`,
    );
  if (spatial.every((size, axis) => size === divisor[axis]!))
    fail(
      'a single voxel is left at the lowest level, where a norm over space gives 0; use a larger patch or fewer levels',
    );
}

/** @throws ArgumentError when x has another number of spatial axes than the network is for. */
export function checkRank(network: string, x: Tensor, rank: number): void {
  if (x.shape.length !== rank + 2) throw new ArgumentError('x', `${rank} spatial axes (${network})`, x.shape);
}
