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
