/**
 * Tools for those who write a backend or an operation: the table of operation cases and the checks it feeds. Nothing
 * here depends on a test framework.
 */

export { compareArrays, type CompareOptions, type Mismatch, type Tolerance } from './compare.js';
export { encodeArray, testArray, testNumbers, testWords, type Distribution } from './test-data.js';
export { toleranceOf, variantsOf, type CaseVariant, type GoldenSpec, type InputSpec, type OpCase } from './op-case.js';
export { OP_CASES } from './op-cases.js';
export {
  forwardGraph,
  gradientGraph,
  LoadedCase,
  runForward,
  runGradient,
  variantsFor,
  type CaseTarget,
  type CaseValue,
  type CaseValues,
} from './run-case.js';
export { checkGradient } from './check-gradient.js';
export { checkCase, formatFailures, runOpCases, type CaseCheckOptions, type CaseFailure } from './check-backend.js';
export { caseDigest, describeCase, goldenFolder, loadGolden, type Golden, type GoldenManifest } from './golden.js';
export { BENCH_CASES, measureCase, type Measurement } from './bench-cases.js';
export { exactInverse, reversibleNet, type NetOptions } from './reversible-net.js';
export { measureDrift, type Drift, type DriftSetup } from './drift.js';
export {
  checkChecksumTrips,
  checkExactInverse,
  checkSameBits,
  DEEP_NETS,
  EXACT_NETS,
  runNet,
  sameBits,
} from './check-memory.js';
export { SMALL_PATCH, smallBatch, smallInferenceGraph, smallTrainingGraph, trainSmallNet } from './small-net.js';
export { emit } from './emit.js';
export { readmeExamples, runExample, type ReadmeExample } from './readme.js';
