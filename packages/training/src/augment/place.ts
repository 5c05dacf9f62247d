/**
 * Where a patch lies: which case, which voxel, and the oversampling of foreground. No voxel is read here.
 *
 * Source: nnU-Net's patch sampling: the last third of a batch is centred on foreground.
 */
import { roundHalfEven } from '@revoxel/imaging';
import type { Triple } from '@revoxel/imaging';
import type { Random } from '../data/random.js';
import type { PatchCase } from './patch-case.js';

/**
 * Whether a sample of a batch must hold foreground: the last ones, `fraction` of the batch, rounded half to even. A batch
 * of one is forced with probability `fraction` instead: rounding would never force it.
 *
 * @param sample - index within the batch.
 * @param batch - samples of a batch.
 * @param fraction - 0 to 1.
 * @param random - drawn from for a batch of one.
 */
export function isForced(sample: number, batch: number, fraction: number, random: Random): boolean {
  if (batch === 1) return random.chance(fraction);
  return sample >= roundHalfEven(batch * (1 - fraction));
}

/**
 * First voxel of a patch, uniform, or with a voxel of a random class at its centre.
 *
 * @param source - the case.
 * @param patch - voxels, `[D, H, W]`.
 * @param field - size the centre is placed for, at least the patch (`fieldSize`).
 * @param forced - whether foreground must be in it; a case without any gives a uniform place.
 * @param random - draws: with foreground a class and a voxel, else three coordinates.
 * @returns `[d, h, w]`, may be negative or reach beyond the image.
 */
export function placePatch(source: PatchCase, patch: Triple, field: Triple, forced: boolean, random: Random): Triple {
  const present = forced ? source.locations.filter((l) => l.length > 0) : [];
  const voxel = present.length > 0 ? pickVoxel(present, source.shape, random) : undefined;
  const start = [0, 0, 0].map((_, axis) => {
    const size = source.shape[axis]!;
    const wanted = field[axis]!;
    // `need` voxels of padding let a field start before the image and end after it; a small image gets all it lacks.
    let need = wanted - patch[axis]!;
    if (size + need < wanted) need = wanted - size;
    const low = Math.floor(-need / 2);
    const high = size + Math.floor(need / 2) + (need % 2) - wanted;
    const fieldStart =
      voxel === undefined ? low + random.integer(high - low + 1) : Math.max(low, voxel[axis]! - Math.floor(wanted / 2));
    return fieldStart + Math.floor((wanted - patch[axis]!) / 2);
  });
  return start as unknown as Triple;
}

function pickVoxel(present: readonly Uint32Array[], shape: Triple, random: Random): Triple {
  const locations = present[random.integer(present.length)]!;
  const index = locations[random.integer(locations.length)]!;
  const [, h, w] = shape;
  return [Math.floor(index / (h * w)), Math.floor(index / w) % h, index % w];
}
