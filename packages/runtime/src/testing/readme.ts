/** Runs the examples of a README, for tests that compare what they print with what the README shows. */

import { readFile } from 'node:fs/promises';
import { formatWithOptions } from 'node:util';

/** A `js` block and the `text` block that follows it. */
export interface ReadmeExample {
  readonly code: string;
  readonly shown: string;
}

/** Examples of a README that say what they print, in order. */
export async function readmeExamples(readme: URL): Promise<readonly ReadmeExample[]> {
  const text = await readFile(readme, 'utf8');
  return [...text.matchAll(/```js\n([\s\S]*?)```[\s\S]*?```text\n([\s\S]*?)```/g)].map(([, code, shown]) => ({
    code: code!,
    shown: shown!,
  }));
}

/**
 * Run an example's code.
 * @param load - what an `import ... from 'name'` of it gets, so that a package's own name can mean its sources.
 * @returns what it printed by console.log.
 */
export async function runExample(code: string, load: (name: string) => Promise<unknown>): Promise<string> {
  const body = code.replace(/import \{([^}]*)\} from '([^']*)';/g, "const {$1} = await load('$2');");
  const printed: string[] = [];
  const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
    ...parts: string[]
  ) => (load: (name: string) => Promise<unknown>, console: { log: (...args: unknown[]) => void }) => Promise<void>;
  await new AsyncFunction('load', 'console', body)(load, {
    log: (...args) => printed.push(`${formatWithOptions({ colors: false }, ...(args as [unknown]))}\n`),
  });
  return printed.join('');
}
