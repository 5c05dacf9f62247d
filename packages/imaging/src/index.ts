/**
 * @revoxel/imaging: medical volumes for Node.js. This file only re-exports; test/public-api.test.ts pins the names.
 */
export type { Affine, Triple, Volume, VoxelArray } from './volume.js';
export { assertSameShape, assertVolume, makeVolume } from './make-volume.js';
export type { VolumeParts } from './make-volume.js';
export { VOXEL_TYPES, convertVoxels, isIntegerType, voxelTypeOf } from './dtype.js';
export type { ArrayOfType, VoxelType } from './dtype.js';
export { ArgumentError, FormatError, GeometryError, ImagingError, ReadError, WriteError } from './errors.js';
export { affineFromSpacing, identityAffine, invertAffine, multiplyAffines, spacingFromAffine } from './affine.js';
export { readNifti, readNiftiHeader } from './nifti/read.js';
export type { NiftiVolume } from './nifti/read.js';
export type { NiftiHeader } from './nifti/header.js';
export { writeNifti } from './nifti/write.js';
export type { WriteNiftiOptions } from './nifti/write.js';
export { confusion, countLabels, dice, iou, meanOf, scoreLabels, voxelMl } from './metrics.js';
export type { Confusion, LabelOrRegion, LabelScore, ScoreOptions } from './metrics.js';
export { fromCanonical, orientationCode, sameGrid, toCanonical, voxelToWorld, worldToVoxel } from './geometry.js';
export type { Canonical, PerFileAxis, Reorientation } from './geometry.js';
export {
  boundingBox,
  boxShape,
  cropToBox,
  cropToNonZero,
  fillHoles,
  nonZeroMask,
  pad,
  padToShape,
  uncrop,
} from './crop.js';
export type { Box, NonZeroCrop } from './crop.js';
export { normalisationKindFor, normalise, normaliseChannel } from './normalise.js';
export type { Normalisation } from './normalise.js';
export {
  resampleLabels,
  resampleToShape,
  resampleToSpacing,
  roundHalfEven,
  separateAxis,
  shapeForSpacing,
} from './resample.js';
export type { ResampleLabelsOptions, ResampleOptions } from './resample.js';
export type { InterpolationOrder } from './resample-kernel.js';
export { describe } from './inspect.js';
export type { VolumeDescription } from './inspect.js';
