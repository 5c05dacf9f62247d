/** The example of the README runs and prints what the README says. */
import { readFile } from 'node:fs/promises';
import { formatWithOptions } from 'node:util';
import { expect, it } from 'vitest';
import * as models from '../src/index.js';

it('the example prints what the README shows', async () => {
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
    (name) => (name === '@revoxel/models' ? Promise.resolve(models) : import(name)),
    {
      log: (...args) => printed.push(`${formatWithOptions({ colors: false }, ...(args as [unknown]))}\n`),
    },
  );
  expect(printed.join('')).toBe(shown);
}, 30_000);
