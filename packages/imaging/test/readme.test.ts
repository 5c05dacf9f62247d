/**
 * The example of the README runs and prints what the README says.
 */
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatWithOptions } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import * as imaging from '../src/index.js';

afterAll(async () => {
  await rm(join(tmpdir(), 'revoxel-readme.nii.gz'), { force: true });
});

it('the example prints what the README shows', async () => {
  const readme = await readFile(join(dirname(fileURLToPath(import.meta.url)), '../README.md'), 'utf8');
  const code = /```js\n([\s\S]*?)```/.exec(readme)![1]!;
  const shown = /```text\n([\s\S]*?)```/.exec(readme)![1]!;
  // Imports become loads, so that the package's own name means its sources here.
  const body = code.replace(/import \{([^}]*)\} from '([^']*)';/g, "const {$1} = await load('$2');");
  const printed: string[] = [];
  const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
    ...parts: string[]
  ) => (load: (name: string) => Promise<unknown>, console: { log: (...args: unknown[]) => void }) => Promise<void>;
  await new AsyncFunction('load', 'console', body)(
    (name) => (name === '@revoxel/imaging' ? Promise.resolve(imaging) : import(name)),
    { log: (...args) => printed.push(formatWithOptions({ colors: false }, ...(args as [unknown])) + '\n') },
  );
  expect(printed.join('')).toBe(shown);
});
