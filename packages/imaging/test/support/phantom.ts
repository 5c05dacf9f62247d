/**
 * Synthetic volumes without any symmetry, in any orientation. What makes them useful: the value of a voxel follows from its
 * place in the patient alone, so a volume that was reordered wrongly has wrong values.
 */
import { makeVolume, voxelToWorld } from '../../src/index.js';
import type { Affine, Triple, Volume } from '../../src/index.js';

/** Values of the structures in `asymmetricPhantom`, by world position around the origin. */
export const PHANTOM = {
  /** A large block on the patient's left (x < 0). */
  left: 1,
  /** A small block on the right, anterior. */
  right: 2,
  /** A bar at the top (superior). */
  top: 3,
} as const;

/** Label at a world position in mm. */
export function phantomAt([x, y, z]: Triple): number {
  if (z > 6) return PHANTOM.top;
  if (x < -3 && Math.abs(y) < 8 && Math.abs(z) < 4) return PHANTOM.left;
  if (x > 4 && x < 9 && y > 2 && y < 7 && Math.abs(z) < 3) return PHANTOM.right;
  return 0;
}

/** The phantom sampled on a grid. */
export function asymmetricPhantom(shape: Triple, affine: Affine): Volume<Uint8Array> {
  const [nd, nh, nw] = shape;
  const data = new Uint8Array(nd * nh * nw);
  let i = 0;
  for (let d = 0; d < nd; d++)
    for (let h = 0; h < nh; h++) for (let w = 0; w < nw; w++) data[i++] = phantomAt(voxelToWorld(affine, [d, h, w]));
  return makeVolume({ data, shape, affine });
}

/** A grid centred on the world origin whose file axes grow along `code`, turned by `tilt` rad about x and half of that about z. */
export function gridAffine(code: string, shape: Triple, spacing: Triple, tilt = 0): Affine {
  const cx = Math.cos(tilt);
  const sx = Math.sin(tilt);
  const cz = Math.cos(tilt / 2);
  const sz = Math.sin(tilt / 2);
  const turn = [
    [cz, -sz * cx, sz * sx],
    [sz, cz * cx, -cz * sx],
    [0, sx, cx],
  ];
  const affine = new Float64Array(16);
  affine[15] = 1;
  for (let axis = 0; axis < 3; axis++) {
    const world = ['RL', 'AP', 'SI'].findIndex((pair) => pair.includes(code[axis]!));
    const sense = 'RAS'.includes(code[axis]!) ? 1 : -1;
    for (let row = 0; row < 3; row++) affine[row * 4 + axis] = turn[row]![world]! * sense * spacing[2 - axis]!;
  }
  const middle = voxelToWorld(affine, [(shape[0] - 1) / 2, (shape[1] - 1) / 2, (shape[2] - 1) / 2]);
  affine[3] = -middle[0];
  affine[7] = -middle[1];
  affine[11] = -middle[2];
  return affine;
}

/** A small deterministic generator (mulberry32); uniform in [0, 1). */
export function uniform(seed: number): () => number {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), s | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
