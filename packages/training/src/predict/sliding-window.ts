/**
 * Sliding-window inference over one image: tiles in, normalised scores out, slab by slab along the first axis.
 *
 * Memory does not grow with the depth of the image: tiles are added up in one slab `[classes, patch depth, H, W]`, and
 * planes that no further tile reaches are handed on at once. Not here: what makes a tile's scores, and what becomes of
 * the planes (resample-stream.ts, predictor.ts).
 *
 * Source: nnU-Net's inference (Isensee et al. 2021), with float32 sums instead of float16.
 */
import type { Triple } from '@revoxel/imaging';
import { mirror } from '../augment/mirror.js';
import { DataArgumentError } from '../data/errors.js';
import { gaussianWeights, tileStarts, weightSums } from './tiles.js';

/** Scores of one tile: takes `[channels, ...patch]`, gives `[classes, ...patch]`, logits. May reuse one buffer for all calls. */
export type InferTile = (tile: Float32Array) => Promise<Float32Array>;

/** Settings of `slideWindow`. */
export interface SlidingWindowOptions {
  /** Voxels of a tile, `[D, H, W]`. */
  readonly patch: Triple;
  /** Channels of the scores. */
  readonly classes: number;
  /** Largest distance between tiles as a part of the tile. Default 0.5. */
  readonly step?: number;
  /** Axes to mirror: the mean over all combinations of flips is taken. Default none. */
  readonly mirrorAxes?: readonly (0 | 1 | 2)[];
  /** Called after every tile. */
  readonly onTile?: (done: number, total: number) => void;
  /** Stops before the next tile. */
  readonly signal?: AbortSignal;
}

/**
 * Predict an image tile by tile.
 *
 * @param image - `[channels, ...shape]`; padded with 0 on both sides where it is smaller than the patch.
 * @param shape - voxels, `[D, H, W]`.
 * @param infer - scores of one tile.
 * @param drain - receives finished planes in order: `[classes, planes, H, W]`, weighted means of logits, from plane `first`.
 * The array is the callee's to keep.
 * @throws whatever `infer` and `drain` throw; the signal's reason when it stops.
 */
export async function slideWindow(
  image: Float32Array,
  channels: number,
  shape: Triple,
  options: SlidingWindowOptions,
  infer: InferTile,
  drain: (planes: Float32Array, first: number, count: number) => void,
): Promise<void> {
  const { patch, classes, step = 0.5, mirrorAxes = [], onTile, signal } = options;
  if (image.length !== channels * shape[0] * shape[1] * shape[2]) {
    throw new DataArgumentError('image', `${channels} x [${shape.join(', ')}] voxels`, image.length);
  }
  const grown = shape.map((n, axis) => Math.max(n, patch[axis]!)) as unknown as Triple;
  const offset = grown.map((n, axis) => Math.floor((n - shape[axis]!) / 2)) as unknown as Triple;
  const starts = grown.map((n, axis) => tileStarts(n, patch[axis]!, step));
  const weights = patch.map((n) => gaussianWeights(n));
  const sums = grown.map((n, axis) => weightSums(n, starts[axis]!, weights[axis]!));
  const flips = combinations(mirrorAxes);

  const [pd, ph, pw] = patch;
  const [, gh, gw] = grown;
  const plane = gh * gw;
  const slab = new Float32Array(classes * pd * plane);
  const tile = new Float32Array(channels * pd * ph * pw);
  const total = starts.reduce((n, list) => n * list.length, 1);
  let done = 0;

  for (const [iz, z] of starts[0]!.entries()) {
    for (const y of starts[1]!) {
      for (const x of starts[2]!) {
        for (const axes of flips) {
          signal?.throwIfAborted();
          extract(image, channels, shape, [z - offset[0], y - offset[1], x - offset[2]], patch, tile);
          for (const axis of axes) mirror(tile, patch, axis);
          const scores = await infer(tile);
          for (const axis of axes) mirror(scores, patch, axis);
          accumulate(scores, classes, patch, slab, gh, gw, y, x, weights, 1 / flips.length);
        }
        onTile?.(++done, total);
      }
    }
    const next = starts[0]![iz + 1] ?? grown[0];
    const finished = next - z;
    // Planes of the padding are dropped, the rest is cut to the image and handed on.
    const first = Math.max(z, offset[0]);
    const end = Math.min(next, offset[0] + shape[0]);
    if (end > first)
      drain(normalised(slab, classes, pd, grown, offset, shape, z, first, end, sums), first - offset[0], end - first);
    for (let c = 0; c < classes; c++) {
      const base = c * pd * plane;
      slab.copyWithin(base, base + finished * plane, base + pd * plane);
      slab.fill(0, base + (pd - finished) * plane, base + pd * plane);
    }
  }
}

/** All subsets of the axes, none first. */
function combinations(axes: readonly (0 | 1 | 2)[]): (0 | 1 | 2)[][] {
  return Array.from({ length: 2 ** axes.length }, (_, bits) => axes.filter((_axis, i) => (bits >> i) & 1));
}

/** Copy a tile; voxels beyond the image become 0. */
function extract(
  image: Float32Array,
  channels: number,
  shape: Triple,
  start: Triple,
  patch: Triple,
  out: Float32Array,
): void {
  const [d, h, w] = shape;
  const [pd, ph, pw] = patch;
  const fromX = Math.max(0, -start[2]);
  const toX = Math.min(pw, w - start[2]);
  out.fill(0);
  for (let c = 0; c < channels; c++) {
    for (let z = 0; z < pd; z++) {
      const sz = z + start[0];
      if (sz < 0 || sz >= d) continue;
      for (let y = 0; y < ph; y++) {
        const sy = y + start[1];
        if (sy < 0 || sy >= h) continue;
        const row = ((c * d + sz) * h + sy) * w + start[2];
        out.set(image.subarray(row + fromX, row + toX), ((c * pd + z) * ph + y) * pw + fromX);
      }
    }
  }
}

function accumulate(
  scores: Float32Array,
  classes: number,
  patch: Triple,
  slab: Float32Array,
  gh: number,
  gw: number,
  y0: number,
  x0: number,
  weights: readonly Float64Array[],
  share: number,
): void {
  const [pd, ph, pw] = patch;
  const [wz, wy, wx] = [weights[0]!, weights[1]!, weights[2]!];
  for (let c = 0; c < classes; c++) {
    for (let z = 0; z < pd; z++) {
      for (let y = 0; y < ph; y++) {
        const outer = wz[z]! * wy[y]! * share;
        let from = ((c * pd + z) * ph + y) * pw;
        let to = ((c * pd + z) * gh + y0 + y) * gw + x0;
        for (let x = 0; x < pw; x++) slab[to++]! += scores[from++]! * outer * wx[x]!;
      }
    }
  }
}

/** Planes `first` to `end` of the slab (which starts at plane `base`), divided by their weights and cut to the image. */
function normalised(
  slab: Float32Array,
  classes: number,
  pd: number,
  grown: Triple,
  offset: Triple,
  shape: Triple,
  base: number,
  first: number,
  end: number,
  sums: readonly Float64Array[],
): Float32Array {
  const [, gh, gw] = grown;
  const [, h, w] = shape;
  const out = new Float32Array(classes * (end - first) * h * w);
  let to = 0;
  for (let c = 0; c < classes; c++) {
    for (let z = first; z < end; z++) {
      for (let y = 0; y < h; y++) {
        const outer = sums[0]![z]! * sums[1]![y + offset[1]]!;
        let from = ((c * pd + z - base) * gh + y + offset[1]) * gw + offset[2];
        for (let x = 0; x < w; x++) out[to++] = slab[from++]! / (outer * sums[2]![x + offset[2]]!);
      }
    }
  }
  return out;
}
