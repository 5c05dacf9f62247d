/** The rules a manifest must keep before it is published, and that the real ones keep them. */
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { manifestFaults } from '../release-check.mjs';

const good = {
  name: '@revoxel/example',
  version: '0.1.0',
  description: 'an example',
  license: 'Apache-2.0',
  type: 'module',
  engines: { node: '>=20.19' },
  exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' }, './package.json': './package.json' },
  files: ['dist', 'README.md', 'CHANGELOG.md', 'LICENSE'],
};

describe('manifestFaults', () => {
  it('accepts a complete manifest', () => {
    expect(manifestFaults(good)).toEqual([]);
  });

  it.each([
    ['an install script', { scripts: { postinstall: 'node-gyp rebuild' } }, /postinstall/],
    ['a missing licence file', { files: ['dist', 'README.md', 'CHANGELOG.md'] }, /LICENSE/],
    ['types after default', { exports: { '.': { default: './a.js', types: './a.d.ts' } } }, /types/],
    ['a local dependency', { dependencies: { '@revoxel/runtime': 'file:../runtime' } }, /nobody else/],
    ['no engines', { engines: undefined }, /engines/],
  ])('refuses %s', (_, change, message) => {
    const faults = manifestFaults({ ...good, ...change });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(message);
  });

  const packages = new URL('../../packages/', import.meta.url);
  it.each(readdirSync(packages))('finds nothing in packages/%s', (name) => {
    expect(manifestFaults(JSON.parse(readFileSync(new URL(`${name}/package.json`, packages), 'utf8')))).toEqual([]);
  });
});
