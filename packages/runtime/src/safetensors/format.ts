/**
 * The safetensors header: names, element types, shapes and places, as strict as the format's own rules: no holes, no
 * overlaps, sizes that fit. Not the reading and writing of files (`read.ts`, `write.ts`).
 *
 * File: u64 header length, JSON header (padded with spaces to a multiple of 8), data. Little endian throughout.
 * @see the format's description, https://github.com/huggingface/safetensors#format
 */

import { FormatError } from '../errors.js';
import { elementBytes, type DType } from '../graph/dtype.js';
import { elementCount, type Shape } from '../graph/shape.js';

/** Element types in files. 16-bit fixed point travels as I16; q32 as I32 with a note in the metadata. */
const CODES: Readonly<Record<DType, string>> = {
  f32: 'F32',
  bf16: 'BF16',
  f16: 'F16',
  i32: 'I32',
  u32: 'U32',
  u8: 'U8',
  q16: 'I16',
  q32: 'I32',
};
const DTYPE_OF: ReadonlyMap<string, DType> = new Map([
  ['F32', 'f32'],
  ['BF16', 'bf16'],
  ['F16', 'f16'],
  ['I32', 'i32'],
  ['U32', 'u32'],
  ['U8', 'u8'],
  ['I16', 'q16'],
]);

/** Key in the metadata that gives a dtype the file's own code cannot tell. */
const dtypeNote = (name: string): string => `dtype:${name}`;

/** The format's own limit on the header. */
export const MAX_HEADER_BYTES = 100_000_000;

/** What the header says of one tensor. */
export interface TensorEntry {
  readonly dtype: DType;
  readonly shape: Shape;
  /** Bytes from the start of the data section. */
  readonly begin: number;
  readonly end: number;
}

/** A parsed header. */
export interface Header {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the data section starts in the file. */
  readonly dataStart: number;
}

/** The bytes before the data section. */
export function encodeHeader(
  entries: ReadonlyMap<string, TensorEntry>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const notes = [...entries].filter(([, e]) => e.dtype === 'q32').map(([name]) => [dtypeNote(name), 'q32'] as const);
  const all: Record<string, string> = { ...metadata, ...Object.fromEntries(notes) };
  const json: [string, unknown][] = Object.keys(all).length > 0 ? [['__metadata__', all]] : [];
  for (const [name, { dtype, shape, begin, end }] of entries)
    json.push([name, { dtype: CODES[dtype], shape, data_offsets: [begin, end] }]);
  // Written key by key, in the order of the data: an object would put names that look like integers first.
  const text = new TextEncoder().encode(
    `{${json.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}`,
  );
  const padded = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(text, 8);
  return bytes;
}

/**
 * Length of the JSON header, from the first 8 bytes.
 * @throws FormatError if the file is too short for it.
 */
export function headerLength(file: string, first: Uint8Array, fileBytes: number): number {
  if (first.length < 8)
    throw new FormatError(
      file,
      first.length,
      `is no safetensors file: ${fileBytes} bytes, the header length alone takes 8`,
    );
  const length = Number(new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES)
    throw new FormatError(
      file,
      0,
      `is no safetensors file: its first 8 bytes give no header length up to ${MAX_HEADER_BYTES}`,
    );
  if (8 + length > fileBytes)
    throw new FormatError(
      file,
      fileBytes,
      `is truncated: the header ends at byte ${8 + length}, the file has ${fileBytes}`,
    );
  return length;
}

/**
 * Parse and check a header.
 * @param bytes - the JSON part.
 * @throws FormatError naming the tensor and the byte offset.
 */
export function decodeHeader(file: string, bytes: Uint8Array, fileBytes: number): Header {
  const dataStart = 8 + bytes.length;
  let text: string;
  let json: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    json = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(file, 8, 'the header is not valid JSON', { cause });
  }
  if (!isRecord(json)) throw new FormatError(file, 8, 'the header is not a JSON object');
  /** Byte in the file where a key is written. */
  const where = (key: string): number =>
    8 + new TextEncoder().encode(text.slice(0, Math.max(0, text.indexOf(JSON.stringify(key))))).length;

  const metadata = json['__metadata__'] ?? {};
  if (!isRecord(metadata) || !Object.values(metadata).every((v) => typeof v === 'string')) {
    throw new FormatError(file, where('__metadata__'), '__metadata__ must map strings to strings');
  }
  const notes = metadata as Record<string, string>;
  const entries = new Map<string, TensorEntry>();
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') continue;
    const entry = decodeEntry(name, value, notes[dtypeNote(name)], (detail) => {
      throw new FormatError(file, where(name), `tensor "${name}": ${detail}`);
    });
    entries.set(name, entry);
  }
  // In the order in which they lie in the file: JSON objects put names that look like integers first.
  const sorted = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  checkPlaces(file, sorted, dataStart, fileBytes);
  const own = Object.fromEntries(
    Object.entries(notes).filter(([key]) => !key.startsWith('dtype:') || !entries.has(key.slice(6))),
  );
  return { entries: new Map(sorted), metadata: own, dataStart };
}

function decodeEntry(
  name: string,
  value: unknown,
  note: string | undefined,
  fail: (detail: string) => never,
): TensorEntry {
  if (!isRecord(value)) return fail('expected an object');
  const { dtype: code, shape, data_offsets: offsets } = value;
  const stored = typeof code === 'string' ? DTYPE_OF.get(code) : undefined;
  if (!stored) return fail(`has dtype ${JSON.stringify(code)}; this package reads ${[...DTYPE_OF.keys()].join(', ')}`);
  const dtype = note === 'q32' && stored === 'i32' ? 'q32' : stored;
  if (!isSizes(shape)) return fail('shape must be a list of sizes');
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!)
    return fail('data_offsets must be [begin, end]');
  const [begin, end] = [offsets[0]!, offsets[1]!];
  const bytes = elementCount(shape) * elementBytes(dtype);
  if (end - begin !== bytes)
    return fail(`${String(code)} [${shape.join(', ')}] takes ${bytes} bytes, data_offsets give ${end - begin}`);
  return { dtype, shape, begin, end };
}

/** Data must be gapless from 0 to the end of the file. */
function checkPlaces(
  file: string,
  sorted: readonly (readonly [string, TensorEntry])[],
  dataStart: number,
  fileBytes: number,
): void {
  let position = 0;
  let last = '';
  for (const [name, { begin, end }] of sorted) {
    if (begin < position) throw new FormatError(file, dataStart + begin, `tensors "${last}" and "${name}" overlap`);
    if (begin > position)
      throw new FormatError(
        file,
        dataStart + position,
        `${begin - position} bytes before tensor "${name}" belong to no tensor`,
      );
    position = end;
    last = name;
  }
  if (dataStart + position > fileBytes)
    throw new FormatError(
      file,
      fileBytes,
      `is truncated: tensor "${last}" ends at byte ${dataStart + position}, the file has ${fileBytes}`,
    );
  if (dataStart + position < fileBytes)
    throw new FormatError(
      file,
      dataStart + position,
      `${fileBytes - dataStart - position} bytes after the last tensor belong to no tensor`,
    );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((v) => Number.isSafeInteger(v) && (v as number) >= 0);
}
