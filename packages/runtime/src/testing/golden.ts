/**
 * Golden values: results and gradients of the case table as PyTorch computes them (in float64, from the same inputs).
 * Written by `tools/fixtures/generate_ops.py`, kept in this package's `test/golden`; they are part of the repository,
 * not of the published package.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { HostArray } from '../graph/dtype.js';
import type { OpCase } from './op-case.js';
import { openSafetensors } from '../safetensors/read.js';

/** Golden values by `<case>/<result>`, e.g. `conv/3d-depthwise/grad/w`; and what made them. */
export interface Golden {
  readonly values: ReadonlyMap<string, HostArray>;
  /** The generator's notes: versions, seed, cases. */
  readonly manifest: GoldenManifest;
}

export interface GoldenManifest {
  readonly torch: string;
  readonly numpy: string;
  readonly seed: number;
  /** A digest of every case's inputs and arguments, to notice cases that changed after the values were made. */
  readonly cases: Readonly<Record<string, string>>;
}

/** The folder of this repository that holds the golden values. */
export function goldenFolder(): string {
  return fileURLToPath(new URL('../../test/golden/', import.meta.url));
}

/** Read all golden values. @param folder - default: this repository's. */
export async function loadGolden(folder: string = goldenFolder()): Promise<Golden> {
  const manifest = JSON.parse(await readFile(`${folder}/ops.json`, 'utf8')) as GoldenManifest;
  const file = await openSafetensors(`${folder}/ops.safetensors`);
  const values = new Map<string, HostArray>();
  try {
    for (const name of file.names) values.set(name, (await file.read(name)).data);
  } finally {
    await file.close();
  }
  return { values, manifest };
}

/** Digest of everything a case's golden values depend on. */
export function caseDigest(c: OpCase): string {
  return createHash('sha256')
    .update(JSON.stringify(describeCase(c)))
    .digest('hex')
    .slice(0, 16);
}

/** What the fixture generator is told of a case: everything that its golden values depend on. */
export function describeCase(c: OpCase): Record<string, unknown> {
  const inputs = Object.fromEntries(
    Object.entries(c.inputs).map(([name, spec]) => [
      name,
      {
        shape: spec.shape,
        dtype: spec.dtype ?? 'f32',
        values: speakable(spec.values ?? { kind: 'uniform', low: -1, high: 1 }),
        role: spec.role ?? 'input',
      },
    ]),
  );
  return {
    name: c.name,
    fn: c.golden?.fn,
    args: c.golden?.args ?? {},
    inputs,
    gradient: c.gradient ?? [],
    loss: c.loss ?? null,
  };
}

/** JSON has no NaN, infinity or -0: they travel as words. */
function speakable(value: unknown): unknown {
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return 'nan';
    if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
    return Object.is(value, -0) ? '-0.0' : value;
  }
  if (Array.isArray(value)) return value.map(speakable);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, speakable(v)]));
  return value;
}
