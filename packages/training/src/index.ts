/**
 * @revoxel/training: data sets, augmentation, training, prediction and evaluation. This file only re-exports.
 */
export { DataArgumentError, DatasetError } from './data/errors.js';
export { findCase, findImages, openDataset } from './data/dataset.js';
export type { CaseFiles, Dataset, ImageFiles } from './data/dataset.js';
export type { LabelName } from './data/dataset-json.js';
export { loadCase, loadImage, loadLabel } from './data/load-case.js';
export type { LoadedCase } from './data/load-case.js';
export { SPLITS_FILE, kFold, makeSplits, readSplits, splitsOf, writeSplits } from './data/splits.js';
export type { Split } from './data/splits.js';
export { preprocessDataset, readCase, readCases } from './data/cache.js';
export type { PreprocessOptions, StoredCase } from './data/cache.js';
export { evaluate } from './data/evaluate.js';
export type { CaseScores, DiceScore, EvaluateOptions, Evaluation } from './data/evaluate.js';
export { fingerprintDataset, readFingerprint, writeFingerprint } from './data/fingerprint.js';
export type { Fingerprint, FingerprintOptions, IntensityStatistics } from './data/fingerprint.js';
export { maskedChannels, planPreprocessing, preprocessImage, preprocessPair } from './data/preprocess.js';
export type { CaseProperties, PreprocessPlan, PreprocessedImage, PreprocessedPair } from './data/preprocess.js';
export { decideLabels, restoreLabels, restoreProbabilities } from './data/restore.js';
export { Random } from './data/random.js';
export type { RandomKey } from './data/random.js';
export { defaultAugmentation } from './augment/options.js';
export type { AugmentOptions } from './augment/options.js';
export { makeSample } from './augment/sample.js';
export type { SampleOptions } from './augment/sample.js';
export { OUTSIDE, shareCase } from './augment/patch-case.js';
export type { PatchCase } from './augment/patch-case.js';
export { createBatchPool } from './augment/pool.js';
export type { Batch, BatchPool, PoolOptions } from './augment/pool.js';
