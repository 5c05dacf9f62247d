/**
 * Where the large real data lie, if anywhere: `REVOXEL_TEST_DATA`, else `shared/data` beside the repository. Tests that
 * want them are skipped, visibly, where the folder is absent. Not the committed fixtures: those are in test/fixtures.
 */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** The folder, or undefined. */
export const DATA_FOLDER: string | undefined = [
  process.env['REVOXEL_TEST_DATA'],
  resolve(here, '../../../../../shared/data'),
].find((folder) => folder !== undefined && existsSync(folder));

/** All files below `folder` whose name ends in `ending`, sorted. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** A committed fixture. */
export function fixture(name: string): string {
  return join(here, '../fixtures', name);
}
