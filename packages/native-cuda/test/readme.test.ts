/** The example of the README runs and prints what the README says. */

import { readFile } from 'node:fs/promises';
import { formatWithOptions } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as self from '../src/index.js';
import { notBuilt, named } from './built.js';

describe.skipIf(notBuilt)(named('README'), () => {
  it('prints what it shows', async () => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const code = /```js\n([\s\S]*?)```/.exec(readme)![1]!;
    const shown = /```text\n([\s\S]*?)```/.exec(readme)![1]!;
    // Imports become loads, so that the package's own name means its sources here.
    const body = code.replace(/import \{([^}]*)\} from '([^']*)';/g, "const {$1} = await load('$2');");
    const printed: string[] = [];
    const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
      ...parts: string[]
    ) => (load: (name: string) => Promise<unknown>, console: { log: (...args: unknown[]) => void }) => Promise<void>;
    await new AsyncFunction('load', 'console', body)(
      (name) => (name === '@revoxel/native-cuda' ? Promise.resolve(self) : import(name)),
      {
        log: (...args) => printed.push(formatWithOptions({ colors: false }, ...(args as [unknown])) + '\n'),
      },
    );
    expect(printed.join('')).toBe(shown);
  });
});

it('exports what it promises', () => {
  expect(Object.keys(self).sort()).toEqual([
    'CudaSession',
    'DEVICES',
    'createBackend',
    'cudaProfile',
    'deviceByName',
    'liveBytes',
    'probe',
  ]);
});
