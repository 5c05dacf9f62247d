/** Versions of what a result depends on: this package and those it computes with, and Node. For run folders and reports. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const PACKAGES = ['@revoxel/training', '@revoxel/runtime', '@revoxel/models', '@revoxel/imaging'] as const;

/** Version by package name, and `node`. */
export function versions(): Record<string, string> {
  const require = createRequire(import.meta.url);
  const found = PACKAGES.map((name): [string, string] => {
    const file =
      name === '@revoxel/training'
        ? new URL('../package.json', import.meta.url)
        : require.resolve(`${name}/package.json`);
    return [name, (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version];
  });
  return { ...Object.fromEntries(found), node: process.versions.node };
}
