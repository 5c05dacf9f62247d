/** The example of the README runs and prints what the README says. */

import { readFile } from 'node:fs/promises';
import { formatWithOptions } from 'node:util';
import { expect, it } from 'vitest';
import * as runtime from '../src/index.js';

type Console = { log: (...args: unknown[]) => void };
const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
  ...parts: string[]
) => (own: typeof runtime, console: Console) => Promise<void>;

it('the example prints what the README shows', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```js\n([\s\S]*?)```/.exec(readme)![1]!;
  const shown = /```text\n([\s\S]*?)```/.exec(readme)![1]!;
  // The import becomes a parameter, so that the package's own name means its sources here.
  const body = code.replace(/import \{([\s\S]*?)\} from '@revoxel\/runtime';/, 'const {$1} = own;');
  const printed: string[] = [];
  await new AsyncFunction('own', 'console', body)(runtime, {
    log: (...args) => printed.push(formatWithOptions({ colors: false }, ...args) + '\n'),
  });
  expect(printed.join('')).toBe(shown);
});

it('every name in the table of exports exists', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const table = /## What there is\n([\s\S]*?)\n## /.exec(readme)![1]!;
  const testing = await import('../src/testing/index.js');
  const methods = ['load', 'read', 'write', 'names', 'memory', 'dispose'];
  const types = ['BackendProfile'];
  const names = [...table.matchAll(/`([A-Za-z]+)(?:\([^`]*\))?`/g)]
    .map((m) => m[1]!)
    .filter((n) => n !== 'run' && !methods.includes(n) && !types.includes(n));
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((n) => !(n in runtime) && !(n in testing))).toEqual([]);
});
