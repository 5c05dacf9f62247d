/** The run's log: records, rewinding, lines cut short by a crash. */
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRunFolder, runPaths } from '../../src/run-folder.js';
import { readLog, RunLog, type StepRecord } from '../../src/train/log.js';
import { temporaryFolder } from '../support/synthetic.js';

const folder = await temporaryFolder();
const step = (n: number): StepRecord => ({
  type: 'step',
  step: n,
  loss: 1 / n,
  gradientNorm: 1,
  lr: 0.01,
  seconds: 0.5,
});

describe('RunLog', () => {
  it('writes nothing before it is told to, then all of it', async () => {
    const paths = await createRunFolder(join(folder, 'a'));
    const log = new RunLog(paths);
    log.record(step(1));
    log.record(step(2));
    expect(await readLog(paths)).toEqual([]);
    await log.flush();
    await log.flush();
    expect(await readLog(paths)).toEqual([step(1), step(2)]);
  });

  it('is cut back to a step', async () => {
    const paths = await createRunFolder(join(folder, 'b'));
    const log = new RunLog(paths);
    for (let n = 1; n <= 5; n++) log.record(step(n));
    await log.flush();
    await appendFile(paths.logLines, '{"type":"step","st');
    expect((await readLog(paths)).map((r) => r.step)).toEqual([1, 2, 3, 4, 5]);
    await log.rewindTo(3);
    log.record(step(4));
    await log.flush();
    expect((await readLog(paths)).map((r) => r.step)).toEqual([1, 2, 3, 4]);
    expect(await readFile(paths.logLines, 'utf8')).toMatch(/\n$/);
  });

  it('names the file that cannot be written', async () => {
    const paths = runPaths(join(folder, 'c'));
    await mkdir(paths.logText, { recursive: true });
    await expect(new RunLog(paths).text('hello')).rejects.toThrow(
      /log\.txt: cannot be written \(EISDIR.*\); check its permissions$/,
    );
  });
});
