/**
 * The binary form of a plan, for executors outside JavaScript: a sequence of little-endian 8-byte words, each an int64
 * or a float64. `native/plan.h` decodes it. The layout, word by word (S is a string: its length in bytes, then UTF-8
 * padded with zeros to whole words; I is a list: its count, then the numbers):
 *
 * header      magic, version, schema hash, words in all, alignment, step bytes, return bytes, transient bytes, persistent bytes, S name
 * values      count, then each: dtype, segment, offset, bytes, memory class, I shape, S name
 * calls       count, then each: opcode, phase, variant, scratch offset, scratch bytes, flops (f64), bytes (f64),
 *             I inputs, I outputs, attributes in schema order (int, bool and enumeration: one word; float: f64; ints: I), S name
 * inputs, outputs, step    each: count, then S name, value
 * persistent  count, then S name, value, kind, initialiser kind, two f64 (value, 0 | std, 0 | low, high)
 * derived     count, then S name, value, call (index after those of the plan: derived calls are appended to `calls`), count of S sources
 *
 * Derived calls follow the plan's own calls in the table; the header's count of own calls is the first word of `calls`.
 */

import { internal, RevoxelError } from '../errors.js';
import { DTYPES } from '../graph/dtype.js';
import type { Initializer } from '../graph/initializer.js';
import { OP_NAMES, OPS } from '../ops/registry.js';
import type { AnyAttr, AnyAttrs, AttrKind, AttrSchema } from '../ops/schema.js';
import { MEMORY_CLASSES, SEGMENTS, type KernelCall, type Plan } from './plan.js';
import { INITIALIZER_KINDS, PERSISTENT_KINDS, PHASES, PLAN_MAGIC, planSchema } from './schema.js';

/**
 * Encode a plan.
 * @param offsets - byte offset of every entry of `plan.values` in its segment, as a session has placed them; without it
 *   the plan's own.
 * @returns a fresh buffer, a whole number of 8-byte words.
 * @throws RevoxelError ERR_PLAN if there is not one offset per value.
 */
export function encodePlan(plan: Plan, offsets: readonly number[] = plan.values.map((v) => v.offset)): ArrayBuffer {
  const schema = planSchema();
  const out = new WordWriter();
  if (offsets.length !== plan.values.length) {
    throw new RevoxelError(
      'ERR_PLAN',
      `plan "${plan.name}" has ${plan.values.length} values, got ${offsets.length} offsets; give one per value`,
    );
  }
  // What the executor must have mapped: at least what this plan touches.
  const persistentBytes = plan.values.reduce(
    (top, v, i) => (v.segment === 'persistent' ? Math.max(top, offsets[i]! + v.bytes) : top),
    0,
  );

  out.bits(PLAN_MAGIC);
  out.int(schema.version);
  out.bits(schema.hash);
  const lengthAt = out.reserve();
  out.int(plan.alignment);
  out.int(plan.stepBytes);
  out.int(plan.returnBytes);
  out.int(plan.memory.transientBytes);
  out.int(persistentBytes);
  out.text(plan.name);

  out.int(plan.values.length);
  plan.values.forEach((value, i) => {
    out.int(codeOf(DTYPES, value.dtype));
    out.int(codeOf(SEGMENTS, value.segment));
    out.int(offsets[i]!);
    out.int(value.bytes);
    out.int(codeOf(MEMORY_CLASSES, value.memoryClass));
    out.ints(value.shape);
    out.text(value.name);
  });

  out.int(plan.calls.length);
  out.int(plan.derived.length);
  for (const call of plan.calls) writeCall(out, call);
  for (const { call } of plan.derived) writeCall(out, call);

  for (const table of [plan.inputs, plan.outputs, plan.step]) {
    out.int(table.length);
    for (const { name, value } of table) {
      out.text(name);
      out.int(value);
    }
  }

  out.int(plan.persistent.length);
  for (const { name, value, kind, init } of plan.persistent) {
    out.text(name);
    out.int(value);
    out.int(codeOf(PERSISTENT_KINDS, kind));
    out.int(codeOf(INITIALIZER_KINDS, init.kind));
    const [a, b] = initializerNumbers(init);
    out.float(a);
    out.float(b);
  }

  out.int(plan.derived.length);
  plan.derived.forEach(({ name, value, sources }, i) => {
    out.text(name);
    out.int(value);
    out.int(plan.calls.length + i);
    out.int(sources.length);
    for (const source of sources) out.text(source);
  });

  out.patch(lengthAt, out.length);
  return out.finish();
}

function writeCall(out: WordWriter, call: KernelCall): void {
  out.int(codeOf(OP_NAMES, call.op));
  out.int(codeOf(PHASES, call.phase));
  out.int(call.variant);
  out.int(call.scratch.offset);
  out.int(call.scratch.bytes);
  out.float(call.flops);
  out.float(call.bytes);
  out.ints(call.inputs);
  out.ints(call.outputs);
  const schema: AttrSchema = OPS[call.op].attrs;
  const attrs = call.attrs as AnyAttrs;
  for (const [key, kind] of Object.entries(schema))
    writeAttr(out, kind, attrs[key], `${call.op} "${call.name}" attribute "${key}"`);
  out.text(call.name);
}

function writeAttr(out: WordWriter, kind: AttrKind, value: AnyAttr | undefined, where: string): void {
  if (typeof kind !== 'string') {
    out.int(codeOf(kind, value as string));
    return;
  }
  switch (kind) {
    case 'int':
      if (typeof value !== 'number') internal(`${where} is not a number`);
      out.int(value);
      return;
    case 'float':
      if (typeof value !== 'number') internal(`${where} is not a number`);
      out.float(value);
      return;
    case 'bool':
      out.int(value === true ? 1 : 0);
      return;
    case 'ints':
      if (!Array.isArray(value)) internal(`${where} is not a list`);
      out.ints(value as readonly number[]);
      return;
    default:
      kind satisfies never;
  }
}

/** The two numbers an initialiser is encoded by. */
function initializerNumbers(init: Initializer): readonly [number, number] {
  switch (init.kind) {
    case 'constant':
      return [init.value, 0];
    case 'normal':
      return [init.std, 0];
    case 'uniform':
      return [init.low, init.high];
    default:
      return init satisfies never;
  }
}

function codeOf(words: readonly string[], word: string): number {
  const code = words.indexOf(word);
  if (code < 0) internal(`"${word}" is none of ${words.join(', ')}`);
  return code;
}

/** A growing buffer of words. */
class WordWriter {
  private view = new DataView(new ArrayBuffer(1 << 14));
  private words = 0;

  /** Words written so far. */
  get length(): number {
    return this.words;
  }

  int(value: number): void {
    if (!Number.isSafeInteger(value)) internal(`${value} cannot be encoded as an int64 word`);
    this.bits(BigInt(value));
  }

  bits(value: bigint): void {
    // The place first: making room replaces the view.
    const at = this.next();
    this.view.setBigInt64(at, BigInt.asIntN(64, value), true);
  }

  float(value: number): void {
    const at = this.next();
    this.view.setFloat64(at, value, true);
  }

  ints(values: readonly number[]): void {
    this.int(values.length);
    for (const value of values) this.int(value);
  }

  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.int(bytes.length);
    for (let at = 0; at < bytes.length; at += 8) {
      const start = this.next();
      for (let i = 0; i < 8; i++) this.view.setUint8(start + i, bytes[at + i] ?? 0);
    }
  }

  /** A word to be filled in by `patch`. */
  reserve(): number {
    return this.next();
  }

  patch(at: number, value: number): void {
    this.view.setBigInt64(at, BigInt(value), true);
  }

  finish(): ArrayBuffer {
    return (this.view.buffer as ArrayBuffer).slice(0, this.words * 8);
  }

  private next(): number {
    const at = this.words++ * 8;
    if (at + 8 > this.view.byteLength) {
      const larger = new Uint8Array(this.view.byteLength * 2);
      larger.set(new Uint8Array(this.view.buffer));
      this.view = new DataView(larger.buffer);
    }
    return at;
  }
}
