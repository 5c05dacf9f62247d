/** The examples of the README run and print what the README says. */
import { readFile } from 'node:fs/promises';
import { formatWithOptions } from 'node:util';
import { expect, it } from 'vitest';
import * as models from '../src/index.js';

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
const examples = [...readme.matchAll(/```js\n([\s\S]*?)```[\s\S]*?```text\n([\s\S]*?)```/g)].map(([, code, shown]) => ({
  code: code!,
  shown: shown!,
}));

it('has two examples', () => expect(examples).toHaveLength(2));

it.each(examples)(
  'example %# prints what the README shows',
  async ({ code, shown }) => {
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
  },
  30_000,
);
