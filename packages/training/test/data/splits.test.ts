import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Mt19937 } from '../../src/data/mt19937.js';
import { compareNames, kFold, makeSplits, readSplits, splitsOf, writeSplits } from '../../src/data/splits.js';
import golden from '../fixtures/kfold.json' with { type: 'json' };

describe('Mt19937', () => {
  it('gives the first words of seed 12345', () => {
    const generator = new Mt19937(12345);
    expect([0, 0, 0, 0, 0].map(() => generator.word())).toEqual([
      3992670690, 3823185381, 1358822685, 561383553, 789925284,
    ]);
  });

  it('chooses as numpy does', () => {
    const generator = new Mt19937(1234);
    expect(golden.choice_seed_1234_12_of_1000.map(() => generator.bounded(999))).toEqual(
      golden.choice_seed_1234_12_of_1000,
    );
    expect(new Mt19937(1234).permutation(20).slice(0, 6)).toEqual([3, 13, 2, 16, 14, 5]);
  });
});

describe('kFold', () => {
  it.each(Object.entries(golden.validation))('equals scikit-learn for %s cases', (n, folds) => {
    expect(kFold(Number(n))).toEqual(folds);
  });

  it('equals the folds of the specification for 10 and 13 cases', () => {
    expect(kFold(10)).toEqual([
      [0, 7],
      [3, 9],
      [4, 6],
      [1, 8],
      [2, 5],
    ]);
    expect(kFold(13)).toEqual([
      [0, 7, 9],
      [3, 6, 10],
      [8, 11, 12],
      [1, 4],
      [2, 5],
    ]);
  });

  it('refuses fewer cases than folds', () => {
    expect(() => kFold(4)).toThrowErrorMatchingInlineSnapshot(
      `[DataArgumentError: Expected at least 5 cases (one per fold) for \`count\`, got 4]`,
    );
  });
});

describe('makeSplits', () => {
  it('sorts the names first and divides them', () => {
    const ids = Array.from({ length: 10 }, (_, i) => `case_${9 - i}`);
    const splits = makeSplits(ids);
    expect(splits[0]).toEqual({
      train: ['case_1', 'case_2', 'case_3', 'case_4', 'case_5', 'case_6', 'case_8', 'case_9'],
      val: ['case_0', 'case_7'],
    });
    expect(splits.flatMap((s) => s.val).sort()).toEqual([...ids].sort());
  });

  it('orders by code point, not by locale', () => {
    expect(['b', 'a', 'B', '_', 'a1', 'Z', '\u{1f600}', '\uffee'].sort(compareNames)).toEqual([
      'B',
      'Z',
      '_',
      'a',
      'a1',
      'b',
      '\uffee',
      '\u{1f600}',
    ]);
  });

  it('refuses a name that occurs twice', () => {
    expect(() => makeSplits(['a', 'b', 'c', 'd', 'e', 'a'])).toThrow(/"a" twice/);
  });
});

describe('splits_final.json', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'revoxel-splits-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'];

  it('comes back as written and wins over new folds', async () => {
    expect(await splitsOf(folder, ids)).toEqual(makeSplits(ids));
    const own = [{ train: ['a', 'b', 'c', 'd'], val: ['e', 'f'] }];
    await writeSplits(join(folder, 'splits_final.json'), own);
    expect(JSON.parse(await readFile(join(folder, 'splits_final.json'), 'utf8'))).toEqual(own);
    expect(await splitsOf(folder, ids)).toEqual(own);
  });

  it.each([
    ['unknown', [{ train: ['a', 'x'], val: ['b'] }], /splits.json: fold 0 names case "x"/],
    ['both', [{ train: ['a'], val: ['a'] }], /fold 0 has case "a" in both/],
    ['form', [{ train: 'a', val: [] }], /field "0.train"/],
    ['empty', [], /has no folds/],
  ])('refuses a file with trouble: %s', async (_, value, message) => {
    const file = join(folder, 'splits.json');
    await writeFile(file, JSON.stringify(value));
    await expect(readSplits(file, ids)).rejects.toThrow(message);
  });
});
