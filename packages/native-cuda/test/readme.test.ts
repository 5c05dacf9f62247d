/** The example of the README runs and prints what the README says. */

import { readmeExamples, runExample } from '@revoxel/runtime/testing';
import { describe, expect, it } from 'vitest';
import * as self from '../src/index.js';
import { notBuilt, named } from './built.js';

describe.skipIf(notBuilt)(named('README'), () => {
  it('prints what it shows', async () => {
    const [example] = await readmeExamples(new URL('../README.md', import.meta.url));
    // The package's own name means its sources here.
    const load = (name: string): Promise<unknown> =>
      name === '@revoxel/native-cuda' ? Promise.resolve(self) : import(name);
    expect(await runExample(example!.code, load)).toBe(example!.shown);
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
