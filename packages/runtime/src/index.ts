export * from './errors.js';
export {
  DTYPES,
  elementBytes,
  FLOATS,
  fromBf16,
  fromElement,
  fromF16,
  hostArray,
  isFixed,
  isFloat,
  isHostArray,
  isNarrow,
  toBf16,
  toElement,
  toF16,
  type DType,
  type FixedDType,
  type FloatDType,
  type HostArray,
  type HostArrays,
} from './graph/dtype.js';
export { broadcastShapes, elementCount, sameShape, type Shape } from './graph/shape.js';
export { heNormal, ONES, ZEROS, type Initializer } from './graph/initializer.js';
export { GraphBuilder, trace } from './graph/builder.js';
export { Tensor } from './graph/tensor.js';
export * from './graph/graph.js';
export * from './graph/step-fields.js';
export { printGraph } from './graph/print.js';
export { graphFault } from './graph/verify.js';
export * from './ops/index.js';
export { gradients, type GradientOptions } from './autodiff/gradients.js';
export { compile, type CompileOptions } from './compile.js';
export {
  MEMORY_MODES,
  type MemoryChoice,
  type MemoryMode,
  type MemoryOptions,
  type UnitChoice,
} from './memory/options.js';
export { evaluate, type HostTensor } from './evaluate.js';
export { findNonFinite } from './diagnose.js';
export { lower } from './lower/lower.js';
export * from './plan/plan.js';
export { printBytes, printPlan } from './plan/print.js';
export type * from './backend/backend.js';
export type * from './backend/profile.js';
export type * from './backend/kernel.js';
export { nameKey, philox4x32 } from './random/philox.js';
export { fillInitial } from './random/initialise.js';
export { encodePlan } from './plan/encode.js';
export { planSchema, type PlanSchema } from './plan/schema.js';
export { planFromJson, planToJson } from './plan/encode-json.js';
export {
  BACKEND_NAMES,
  listBackends,
  loadBackend,
  type BackendListing,
  type BackendName,
  type BackendProbe,
  type LoadOptions,
  type NativeBackendModule,
  type NativeBackendOptions,
} from './backend/load.js';
export { BaseSession, type ExecuteRequest, type PersistentPlace, type PreparedPlan } from './backend/base-session.js';
export { AddonSession, type NativeMemory, type NativeSession, type PlanTimings } from './backend/addon-session.js';
export { createReferenceBackend, referenceProfile } from './backend/reference/backend.js';
export { createTypescriptBackend, type TypescriptOptions } from './backend/typescript/backend.js';
export { typescriptProfile } from './backend/typescript/profile.js';
export {
  openSafetensors,
  writeSafetensors,
  type SafetensorsEntry,
  type SafetensorsFile,
  type StoredTensor,
  type StoredType,
} from './safetensors/index.js';
