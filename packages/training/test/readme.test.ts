/** The example of the README runs and prints what the README says, on the data that comes with the repository. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatWithOptions } from 'node:util';
import { expect, it } from 'vitest';
import * as training from '../src/index.js';
import { temporaryFolder } from './support/synthetic.js';

const folder = await temporaryFolder();
const example = fileURLToPath(new URL('../../../examples/hippocampus', import.meta.url));

it.skipIf(!existsSync(example))(
  'the example prints what the README shows',
  async () => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const shown = /```text\n([\s\S]*?)```/.exec(readme)![1]!;
    const code = /```js\n([\s\S]*?)```/
      .exec(readme)![1]!
      .replaceAll('examples/hippocampus', example)
      .replaceAll('runs/readme', join(folder, 'run'));
    // Imports become loads, so that the package's own name means its sources here.
    const body = code.replace(/import \{([^}]*)\} from '([^']*)';/g, "const {$1} = await load('$2');");
    const printed: string[] = [];
    const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
      ...parts: string[]
    ) => (load: (name: string) => Promise<unknown>, console: { log: (...args: unknown[]) => void }) => Promise<void>;
    await new AsyncFunction('load', 'console', body)(
      (name) => (name === '@revoxel/training' ? Promise.resolve(training) : import(name)),
      {
        log: (...args) => printed.push(`${formatWithOptions({ colors: false }, ...(args as [unknown]))}\n`),
      },
    );
    expect(printed.join('')).toBe(shown);
  },
  60_000,
);
