/**
 * Deep supervision: a loss at several resolutions, with label maps reduced to each. Not the loss itself.
 *
 * Sources: Lee et al. 2015 (arXiv 1409.5185); weights and label reduction as in nnU-Net (Isensee et al. 2021).
 */
import { add, ArgumentError, pad, resize, scale, slice, type Tensor } from '@revoxel/runtime';

/**
 * Weights 1, 1/2, 1/4, ... normalised to sum 1.
 *
 * nnU-Net gives its lowest head the weight 0. Here such a head is not traced at all: ask the network for one head fewer.
 * @param heads - number of resolutions, the full one first.
 */
export function deepSupervisionWeights(heads: number): number[] {
  if (!(Number.isInteger(heads) && heads >= 1)) throw new ArgumentError('heads', 'a positive integer', heads);
  const raw = Array.from({ length: heads }, (_, i) => 2 ** -i);
  const total = raw.reduce((a, b) => a + b, 0);
  return raw.map((w) => w / total);
}

/** Heads that get a weight in training: one fewer than there are decoder levels, but at least one. */
export function supervisedHeads(maxHeads: number): number {
  return Math.max(1, maxHeads - 1);
}

/**
 * Reduce a label map by nearest neighbour at voxel centres: index floor((o + 0.5) * size / target).
 *
 * @param labels - `[N, 1, ...]` u8.
 * @param target - spatial sizes; each must divide the labels' size.
 * @returns `[N, 1, ...target]` u8.
 */
export function reduceLabels(labels: Tensor, target: readonly number[]): Tensor {
  const spatial = labels.shape.slice(2);
  const factors = spatial.map((size, axis) => size / target[axis]!);
  if (!factors.every((f) => Number.isInteger(f)))
    throw new ArgumentError('target', `sizes that divide [${spatial.join(', ')}]`, target);
  // The runtime's nearest resize takes the first voxel of every block; the block's centre voxel is wanted. So the map is
  // moved down by half a block first.
  const shift = factors.map((f) => Math.floor(f / 2));
  if (shift.every((s) => s === 0)) return factors.every((f) => f === 1) ? labels : resize(labels, target, 'nearest');
  return resize(shiftDown(labels, shift), target, 'nearest');
}

function shiftDown(labels: Tensor, shift: readonly number[]): Tensor {
  const zeros = labels.shape.map(() => 0);
  const grown = pad(labels, zeros, [0, 0, ...shift]);
  return slice(grown, [0, 0, ...shift], labels.shape);
}

/**
 * Weighted sum of a loss over resolutions.
 *
 * @param logits - the full resolution first, `[N, C, ...]` each.
 * @param labels - `[N, 1, ...]` u8 at full resolution.
 * @param weights - one per entry of `logits`.
 * @param loss - the loss at one resolution.
 * @returns scalar f32.
 */
export function deeplySupervised(
  logits: readonly Tensor[],
  labels: Tensor,
  weights: readonly number[],
  loss: (logits: Tensor, labels: Tensor) => Tensor,
): Tensor {
  if (weights.length !== logits.length || logits.length === 0)
    throw new ArgumentError('weights', `${logits.length} numbers, one per resolution`, weights);
  const g = labels.graph;
  const terms = logits.map((x, i) =>
    g.scope(`level${i}`, () => {
      const term = loss(x, reduceLabels(labels, x.shape.slice(2)));
      return weights[i] === 1 ? term : scale(term, weights[i]!);
    }),
  );
  return terms.reduce((sum, term) => add(sum, term));
}
