/**
 * Values of options, from the words of the command line. Used by the commands when they run, so that `--help` does not load
 * the library.
 */
import { z } from 'zod';
import { BACKEND_NAMES } from '@revoxel/runtime';
import { UsageError } from './exit.js';

/** A whole number of at least `least`. */
export const whole = (least: number) =>
  z
    .string()
    .refine(
      (s) => /^\d+$/.test(s) && Number(s) >= least && Number.isSafeInteger(Number(s)),
      `expects a whole number of at least ${least}`,
    )
    .transform(Number);

/** A number above `least`, or equal with `inclusive`. */
export const numberAbove = (least: number, inclusive = false) =>
  z
    .string()
    .refine(
      (s) => s.trim() !== '' && (inclusive ? Number(s) >= least : Number(s) > least) && Number.isFinite(Number(s)),
      `expects a number ${inclusive ? 'of at least' : 'above'} ${least}`,
    )
    .transform(Number);

/** Seed of a run. */
export const seed = whole(0).refine((n) => n < 2 ** 32, 'expects a whole number below 4294967296');

/** Three sizes, `40,56,40`. */
export const triple = z
  .string()
  .regex(/^\d+,\d+,\d+$/, 'expects three sizes as depth,height,width, such as 40,56,40')
  .transform((s) => s.split(',').map(Number) as [number, number, number])
  .refine((sizes) => sizes.every((n) => n >= 1), 'expects sizes of at least 1');

/** Two or three sizes, `256,256` or `40,56,40`. */
export const sizes = z
  .string()
  .regex(/^\d+(,\d+){1,2}$/, 'expects sizes as depth,height,width or height,width, such as 40,56,40')
  .transform((s) => s.split(',').map(Number))
  .refine((all) => all.every((n) => n >= 1), 'expects sizes of at least 1');

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
};

/** A number of bytes: `8GiB`, `512MiB`, `20GB`, `1.5 TiB`, or plain bytes; units in any case. */
export const byteSize = z
  .string()
  .transform((s) => {
    const [, number, unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(s.trim()) ?? [];
    return Math.round(Number(number) * (UNITS[unit.toLowerCase()] ?? Number.NaN));
  })
  .refine(
    (bytes) => bytes > 0 && Number.isSafeInteger(bytes),
    'expects a size such as 8GiB, 512MiB, 20GB or 8589934592',
  );

/** Name of a backend. */
const backendName = z
  .string()
  .refine(
    (s) => (BACKEND_NAMES as readonly string[]).includes(s) || /^cuda:\d{1,4}$/.test(s),
    `expects one of ${BACKEND_NAMES.join(', ')}, or cuda:N`,
  );

/** The options that name a backend; `--device` is another word for `--backend`. */
export const backendOptions = { backend: backendName.optional(), device: backendName.optional() };

/** The backend that the options name. @throws UsageError if they name two */
export function backendOf(o: {
  readonly backend?: string | undefined;
  readonly device?: string | undefined;
}): string | undefined {
  if (
    o.backend !== undefined &&
    o.device !== undefined &&
    o.backend !== o.device &&
    !o.device.startsWith(`${o.backend}:`)
  )
    throw new UsageError(`--backend ${o.backend} and --device ${o.device} name two backends; give one of them`);
  return o.device ?? o.backend;
}

/**
 * Check a command's options.
 *
 * @throws UsageError naming the option.
 */
export function parse<T extends z.ZodType>(schema: T, input: unknown): z.output<T> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const name = issue.path
    .map(String)
    .join('.')
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new UsageError(name === '' ? issue.message : `--${name} ${issue.message}`);
}
