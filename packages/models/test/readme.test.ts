/** The examples of the README run and print what the README says. */
import { readmeExamples, runExample } from '@revoxel/runtime/testing';
import { expect, it } from 'vitest';
import * as models from '../src/index.js';

const examples = await readmeExamples(new URL('../README.md', import.meta.url));

it('has two examples', () => expect(examples).toHaveLength(2));

it.each(examples)(
  'example %# prints what the README shows',
  async ({ code, shown }) => {
    // The package's own name means its sources here.
    const load = (name: string): Promise<unknown> =>
      name === '@revoxel/models' ? Promise.resolve(models) : import(name);
    expect(await runExample(code, load)).toBe(shown);
  },
  30_000,
);
