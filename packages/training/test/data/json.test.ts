import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readJson, writeJson, writeWhole } from '../../src/json.js';
import { removeFolder, temporaryFolder } from '../helpers.js';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  await removeFolder(folder);
});

describe('writeWhole and writeJson', () => {
  it('replace a file in one step and leave nothing else', async () => {
    const file = join(folder, 'a.json');
    await writeJson(file, { a: [1, 2] });
    await writeJson(file, { b: 1 });
    expect(await readJson(file, z.object({ b: z.number() }), 'fix it')).toEqual({ b: 1 });
    await writeWhole(file, [Uint8Array.of(104, 105), Uint8Array.of(), Uint8Array.of(33)]);
    expect(await readFile(file, 'utf8')).toBe('hi!');
    expect(await readdir(folder)).toEqual(['a.json']);
  });

  it('leave nothing behind when writing fails', async () => {
    await expect(writeJson(join(folder, 'none/a.json'), 1)).rejects.toThrow(
      /none\/a\.json: cannot be written \(ENOENT/,
    );
    await mkdir(join(folder, 'taken/x'), { recursive: true });
    await expect(writeJson(join(folder, 'taken'), 1)).rejects.toMatchObject({
      code: 'ERR_DATASET',
      file: join(folder, 'taken'),
    });
    expect(await readdir(folder)).toEqual(['taken']);
  });
});

describe('readJson', () => {
  it('skips a byte order mark and names the field that is wrong', async () => {
    const file = join(folder, 'a.json');
    await writeFile(file, '\ufeff{"a": {"b": [1, "x"]}}');
    const schema = (item: z.ZodType): z.ZodType => z.object({ a: z.object({ b: z.array(item) }) });
    expect(await readJson(file, schema(z.unknown()), 'fix it')).toEqual({ a: { b: [1, 'x'] } });
    await expect(readJson(file, schema(z.number()), 'fix it')).rejects.toThrow(/a\.json: field "a\.b\.1": .*; fix it$/);
  });
});
