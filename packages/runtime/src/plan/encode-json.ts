/**
 * The JSON form of a plan, for people, tests and files. Infinite numbers (a border of minus infinity, say), which JSON
 * lacks, are the strings "Infinity" and "-Infinity" in float attributes and initialisers. Reading checks everything
 * that running relies on; what a plan means is not checked here.
 */

import { FormatError } from '../errors.js';
import { DTYPES, elementBytes, type DType } from '../graph/dtype.js';
import { elementCount } from '../graph/shape.js';
import { OPS, type OpName } from '../ops/registry.js';
import { attrFault, type AnyAttr, type AnyAttrs, type AttrSchema } from '../ops/schema.js';
import { MEMORY_CLASSES, SEGMENTS, type Plan } from './plan.js';
import { PHASES, planSchema } from './schema.js';

/** The first field of every plan file. */
const FORMAT = 'revoxel-plan';

/** A plan as JSON text. @param space - indentation, as in `JSON.stringify`. */
export function planToJson(plan: Plan, space?: number): string {
  const envelope = { format: FORMAT, schema: planSchema().hash.toString(16).padStart(16, '0'), plan };
  return JSON.stringify(
    envelope,
    (_key, value: unknown) => (value === Infinity || value === -Infinity ? String(value) : value),
    space,
  );
}

/**
 * Read a plan from the text that `planToJson` wrote.
 * @param file - name used in errors.
 * @throws FormatError if the text is no plan, or a plan of another version.
 */
export function planFromJson(text: string, file = 'plan'): Plan {
  const fail = (detail: string): never => {
    throw new FormatError(file, 0, `${detail}; make the plan again with this version`);
  };
  let envelope: unknown;
  try {
    envelope = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(file, 0, 'is not JSON', { cause });
  }
  if (!isRecord(envelope) || envelope['format'] !== FORMAT || !isRecord(envelope['plan'])) return fail('is not a plan');
  const schema = planSchema();
  if (envelope['schema'] !== schema.hash.toString(16).padStart(16, '0'))
    fail(`was written by another version (schema ${String(envelope['schema'])})`);
  const plan = envelope['plan'] as unknown as Mutable<Plan>;
  if (plan.version !== schema.version) fail(`has version ${String(plan.version)}, expected ${schema.version}`);
  for (const list of ['values', 'calls', 'inputs', 'outputs', 'step', 'persistent', 'derived', 'writes'] as const) {
    if (!Array.isArray(plan[list])) fail(`"${list}" is not a list`);
  }
  plan.values.forEach((v, i) => {
    const where = `value ${i} "${v.name}"`;
    if (!DTYPES.includes(v.dtype)) fail(`${where} has dtype ${v.dtype}`);
    if (!SEGMENTS.includes(v.segment)) fail(`${where} is in segment ${v.segment}`);
    if (!MEMORY_CLASSES.includes(v.memoryClass)) fail(`${where} has memory class ${v.memoryClass}`);
    if (v.bytes !== elementCount(v.shape) * elementBytes(v.dtype as DType))
      fail(`${where} has ${v.bytes} bytes for [${v.shape.join(', ')}] ${v.dtype}`);
    if (!(Number.isSafeInteger(v.offset) && v.offset >= 0)) fail(`${where} has offset ${v.offset}`);
  });
  const index = (i: number, where: string): void => {
    if (!Number.isSafeInteger(i) || i < 0 || i >= plan.values.length)
      fail(`${where} names value ${i} of ${plan.values.length}`);
  };
  for (const call of [...plan.calls, ...plan.derived.map((d) => d.call)]) {
    const where = `call "${call.name}"`;
    if (!Object.hasOwn(OPS, call.op)) fail(`${where} has the unknown op ${String(call.op)}`);
    if (!PHASES.includes(call.phase)) fail(`${where} has phase ${call.phase}`);
    const attrSchema: AttrSchema = OPS[call.op as OpName].attrs;
    reviveFloats(call.attrs as Record<string, AnyAttr>, attrSchema);
    const fault = attrFault(attrSchema, call.attrs as AnyAttrs);
    if (fault) fail(`${where}: ${fault}`);
    for (const i of [...call.inputs, ...call.outputs]) index(i, where);
  }
  for (const { name, value } of [...plan.inputs, ...plan.outputs, ...plan.step, ...plan.persistent, ...plan.derived])
    index(value, `"${name}"`);
  for (const { init } of plan.persistent) reviveNumbers(init as unknown as Record<string, unknown>);
  return plan;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function reviveFloats(attrs: Record<string, AnyAttr>, schema: AttrSchema): void {
  for (const [key, kind] of Object.entries(schema)) if (kind === 'float') attrs[key] = infinite(attrs[key]) as AnyAttr;
}

function reviveNumbers(record: Record<string, unknown>): void {
  for (const key of Object.keys(record)) if (key !== 'kind') record[key] = infinite(record[key]);
}

function infinite(value: unknown): unknown {
  return value === 'Infinity' ? Infinity : value === '-Infinity' ? -Infinity : value;
}
