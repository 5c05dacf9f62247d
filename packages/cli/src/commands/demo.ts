/**
 * `revoxel demo`: the whole path on real data in minutes. Trains on most cases of the small data set that comes along,
 * segments the others, scores them, draws a picture.
 */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  evaluate,
  findCase,
  loadPredictor,
  openDataset,
  predictImages,
  RunError,
  train,
  type Dataset,
  type Split,
} from '@revoxel/training';
import { z } from 'zod';
import { chooseBackend } from '../backend.js';
import { drawRun } from '../demo/picture.js';
import { UsageError } from '../exit.js';
import type { CommandRun } from '../options.js';
import { diceText, duration, mib } from '../output.js';
import { Progress } from '../progress.js';
import { backendOf, backendOptions, numberAbove, parse, seed } from '../schema.js';
import { evaluationTable } from './evaluate.js';

const schema = z.looseObject({
  data: z.string().optional(),
  out: z.string().optional(),
  minutes: numberAbove(0).optional(),
  seed: seed.optional(),
  ...backendOptions,
});

/** Minutes for everything, by backend: the promise of the README less the build. */
const MINUTES: Readonly<Record<string, number>> = { cpu: 3.1, typescript: 12, reference: 60 };
/** Part of the time kept for segmenting, scoring and drawing. */
const AFTERWARDS = 0.06;
/** One case in so many is held out. */
const HELD_OUT = 5;

export const command: CommandRun = async (input, { output, signal }) => {
  const o = parse(schema, input);
  const data = o.data ?? exampleFolder();
  const backend = await chooseBackend(backendOf(o), output);
  const dataset = await openDataset(data);
  const split = splitOf(dataset);
  const minutes = o.minutes ?? MINUTES[backend.name] ?? MINUTES['cpu']!;
  const out = o.out ?? join('runs', `demo-${stamp(new Date())}`);
  const progress = new Progress(output);
  try {
    output.note(
      `${dataset.name}: training on ${split.train.length} cases, ${split.val.length} kept unseen; ${backend.name} backend, about ${duration(minutes * 60)}; run folder ${out}`,
    );
    const trained = await train({
      data,
      out,
      backend,
      split,
      minutes: minutes * (1 - AFTERWARDS),
      // Process start: what was needed to get here counts too.
      started: 0,
      signal,
      onEvent: progress.show,
      ...(o.seed === undefined ? {} : { seed: o.seed }),
    });

    const predictions = join(trained.run, 'predictions');
    const unseen = split.val.map((id) => findCase(dataset, id));
    {
      using predictor = await loadPredictor(trained.run, backend);
      progress.show({ kind: 'stage', text: `segmenting ${unseen.length} unseen cases` });
      await predictImages(predictor, unseen, predictions, { run: trained.run, signal, onEvent: progress.show });
    }
    progress.stop();
    const scores = await evaluate(predictions, dirname(unseen[0]!.label));
    const picture = join(trained.run, 'demo.svg');
    const drawn = await drawRun(
      trained.run,
      unseen.map((c) => {
        const labels = Object.values(scores.cases.find((s) => s.id === c.id)!.labels).flatMap((l) =>
          l.dice === null ? [] : [l.dice],
        );
        return {
          id: c.id,
          image: c.images[0]!,
          reference: c.label,
          prediction: join(predictions, `${c.id}.nii.gz`),
          dice: labels.length === 0 ? null : labels.reduce((a, b) => a + b, 0) / labels.length,
        };
      }),
      dataset.labels,
    );
    await writePicture(picture, drawn);

    const seconds = performance.now() / 1000;
    const result = {
      backend: backend.name,
      seconds: Math.round(seconds * 10) / 10,
      dice: {
        mean: scores.mean.dice,
        labels: Object.fromEntries(Object.entries(scores.mean.labels).map(([label, s]) => [label, s.dice])),
      },
      memory: trained.memory,
      run: trained.run,
    };
    const names = Object.fromEntries(dataset.labels.map((l) => [String(l.value), l.name]));
    const report = (): string =>
      [
        evaluationTable(scores, names),
        '',
        `${trained.steps} steps in ${duration(trained.seconds)}, ${duration(seconds)} in all, ${backend.name} backend (${backend.facts.device}, ${backend.facts.threads} threads)`,
        `memory: ${mib(trained.memory.plannedBytes)} planned, ${mib(trained.memory.measuredBytes)} measured`,
        `picture: ${picture}`,
        `mean Dice of unseen cases: ${diceText(scores.mean.dice)}`,
      ].join('\n');
    if (output.json) output.note(report());
    output.result(result, report);
  } finally {
    progress.stop();
  }
  return undefined;
};

/** Every fifth case is held out, from the third on: the same ones always. */
export function splitOf(dataset: Pick<Dataset, 'cases' | 'folder'>): Split {
  const ids = dataset.cases.map((c) => c.id);
  const val = ids.filter((_, i) => i % HELD_OUT === 2);
  if (val.length === 0)
    throw new UsageError(`--data: ${dataset.folder} has ${ids.length} cases, the demo needs at least 3`);
  return { train: ids.filter((id) => !val.includes(id)), val };
}

/** The data set in the repository. */
function exampleFolder(): string {
  const folder = fileURLToPath(new URL('../../../../examples/hippocampus', import.meta.url));
  if (!existsSync(folder))
    throw new UsageError(
      '--data is missing: the example data comes with the repository, not with the package; give a data set folder',
    );
  return folder;
}

function stamp(date: Date): string {
  return date.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
}

async function writePicture(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new RunError(
      file,
      `cannot be written (${error instanceof Error ? error.message : String(error)})`,
      'check the folder and the free space',
      { cause: error },
    );
  }
}
