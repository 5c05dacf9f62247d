/**
 * Every case on one backend: forward against the reference, gradients against the reference, both against golden
 * values. Returns failures as lines; tests of any package can assert that there are none.
 */

import type { FloatDType } from '../graph/dtype.js';
import { compareArrays } from './compare.js';
import type { Golden } from './golden.js';
import { toleranceOf, type CaseVariant, type OpCase } from './op-case.js';
import { OP_CASES } from './op-cases.js';
import { runForward, runGradient, variantsFor, type CaseTarget, type CaseValues } from './run-case.js';

/** One thing that is wrong. */
export interface CaseFailure {
  readonly case: string;
  readonly variant: string;
  readonly check: 'forward' | 'gradient' | 'golden' | 'error';
  readonly message: string;
}

export interface CaseCheckOptions {
  /** Backend, or session of it, to compare with; without it only golden values are checked. */
  readonly reference?: CaseTarget;
  readonly golden?: Golden;
  /** Cases to run; default all. */
  readonly cases?: readonly OpCase[];
  /** Variants to run; default all that the backend has kernels for. */
  readonly floats?: readonly FloatDType[];
}

/**
 * Run the case table on a backend. All cases share one session.
 * @returns every failure; empty when all is right.
 * @example
 * const failures = await runOpCases(backend, { reference: createReferenceBackend(), golden: await loadGolden() });
 */
export async function runOpCases(target: CaseTarget, options: CaseCheckOptions = {}): Promise<CaseFailure[]> {
  const owns = 'createSession' in target;
  const session = owns ? await target.createSession() : target;
  try {
    const failures: CaseFailure[] = [];
    for (const c of options.cases ?? OP_CASES) failures.push(...(await checkCase(session, c, options)));
    return failures;
  } finally {
    if (owns) session.dispose();
  }
}

/** All variants of one case. */
export async function checkCase(target: CaseTarget, c: OpCase, options: CaseCheckOptions = {}): Promise<CaseFailure[]> {
  const failures: CaseFailure[] = [];
  const { profile } = 'createSession' in target ? target : target.backend;
  for (const variant of variantsFor(profile, c)) {
    if (options.floats && !options.floats.includes(variant.floats)) continue;
    try {
      failures.push(...(await checkVariant(target, c, variant, options)));
    } catch (error) {
      failures.push({
        case: c.name,
        variant: variant.label,
        check: 'error',
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  }
  return failures;
}

async function checkVariant(
  target: CaseTarget,
  c: OpCase,
  variant: CaseVariant,
  { reference, golden }: CaseCheckOptions,
): Promise<CaseFailure[]> {
  const failures: CaseFailure[] = [];
  const fail = (check: CaseFailure['check'], message: string): void =>
    void failures.push({ case: c.name, variant: variant.label, check, message });
  const forward = await runForward(target, c, variant);
  const gradient = c.gradient?.length ? await runGradient(target, c, variant) : undefined;
  if (reference && reference !== target) {
    compareValues(c, 'forward', forward, await runForward(reference, c, variant), fail);
    if (gradient) compareValues(c, 'gradient', gradient, await runGradient(reference, c, variant), fail);
  }
  if (golden && c.golden && variant.floats === 'f32') {
    for (const [what, values] of [
      ['forward', forward],
      ['gradient', gradient],
    ] as const) {
      for (const [name, { data, shape, dtype }] of values ?? []) {
        const expected = golden.values.get(`${c.name}/${name}`);
        if (!expected) fail('golden', `no golden value for ${name}; run tools/fixtures/generate_ops.py`);
        else {
          const mismatch = compareArrays(data, expected, {
            ...toleranceOf(c, dtype, what),
            shape,
            nanEqual: c.nan === true,
          });
          if (mismatch) fail('golden', `${name}: ${mismatch.message}`);
        }
      }
    }
  }
  return failures;
}

function compareValues(
  c: OpCase,
  check: 'forward' | 'gradient',
  actual: CaseValues,
  expected: CaseValues,
  fail: (check: 'forward' | 'gradient', message: string) => void,
): void {
  for (const [name, { data, shape, dtype }] of expected) {
    const got = actual.get(name);
    if (!got) {
      fail(check, `${name} is missing`);
      continue;
    }
    const mismatch = compareArrays(got.data, data, {
      ...toleranceOf(c, dtype, check),
      shape,
      nanEqual: c.nan === true,
    });
    if (mismatch) fail(check, `${name}: ${mismatch.message}`);
  }
}

/** Failures as text, one a line. */
export function formatFailures(failures: readonly CaseFailure[]): string {
  return failures.map((f) => `${f.case} (${f.variant}) ${f.check}: ${f.message}`).join('\n');
}
