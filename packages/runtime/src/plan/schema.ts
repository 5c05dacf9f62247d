/**
 * The schema of encoded plans as plain data: opcodes, attributes and enumerations, with a hash that changes whenever
 * the meaning of a word may change. It is collected from the operation table, so nothing is written twice; the C++
 * header `native/plan.h` is generated from it. What the words are and in which order: `encode.ts`.
 */

import { DTYPES } from '../graph/dtype.js';
import { OP_NAMES, OPS } from '../ops/registry.js';
import type { AttrKind, AttrSchema } from '../ops/schema.js';
import { MEMORY_CLASSES, PLAN_VERSION, SEGMENTS } from './plan.js';

/** Phases by their code. */
export const PHASES = ['forward', 'backward', 'update'] as const;
/** Kinds of persistent entries by their code. */
export const PERSISTENT_KINDS = ['parameter', 'optimizer', 'buffer'] as const;
/** Kinds of initialisers by their code. */
export const INITIALIZER_KINDS = ['constant', 'normal', 'uniform'] as const;

/** First word of every encoded plan: the bytes `RVXPLAN` and a zero. */
export const PLAN_MAGIC = 0x004e414c50585652n;

/** One attribute of an operation. */
export interface SchemaAttr {
  readonly name: string;
  readonly kind: AttrKind;
}

/** One operation; its opcode is its place in the list. */
export interface SchemaOp {
  readonly name: string;
  readonly attrs: readonly SchemaAttr[];
}

/** Everything a decoder has to agree on. */
export interface PlanSchema {
  readonly version: number;
  readonly dtypes: readonly string[];
  readonly segments: readonly string[];
  readonly memoryClasses: readonly string[];
  readonly phases: readonly string[];
  readonly persistentKinds: readonly string[];
  readonly initializerKinds: readonly string[];
  readonly ops: readonly SchemaOp[];
  /** 64-bit FNV-1a of the canonical text of all of the above. */
  readonly hash: bigint;
}

let cached: PlanSchema | undefined;

/** The schema of this version of the package. */
export function planSchema(): PlanSchema {
  if (cached) return cached;
  const parts = {
    version: PLAN_VERSION,
    dtypes: DTYPES,
    segments: SEGMENTS,
    memoryClasses: MEMORY_CLASSES,
    phases: PHASES,
    persistentKinds: PERSISTENT_KINDS,
    initializerKinds: INITIALIZER_KINDS,
    ops: OP_NAMES.map((name) => ({ name, attrs: attrList(OPS[name].attrs) })),
  };
  cached = { ...parts, hash: fnv1a64(JSON.stringify(parts)) };
  return cached;
}

function attrList(attrs: AttrSchema): SchemaAttr[] {
  return Object.entries(attrs).map(([name, kind]) => ({ name, kind }));
}

/** 64-bit FNV-1a of the UTF-8 bytes of a text, as an unsigned number. */
function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text))
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash;
}
