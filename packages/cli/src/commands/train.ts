/** `revoxel train`: a network from a data set. */
import { dirname } from 'node:path';
import { MODEL_KINDS } from '@revoxel/models';
import {
  evaluate,
  findCase,
  loadPredictor,
  openDataset,
  predictImages,
  readRunInfo,
  readSplit,
  runPaths,
  train,
  type Evaluation,
} from '@revoxel/training';
import { z } from 'zod';
import { chooseBackend } from '../backend.js';
import { UsageError } from '../exit.js';
import { memorySetting, modelWishes, networkFields } from '../network.js';
import type { CommandRun } from '../options.js';
import { diceText, duration, mib } from '../output.js';
import { Progress } from '../progress.js';
import { backendOf, backendOptions, numberAbove, parse, seed, triple, whole } from '../schema.js';
import { evaluationTable } from './evaluate.js';

const schema = z.looseObject({
  data: z.string().optional(),
  out: z.string(),
  model: z.enum(MODEL_KINDS).optional(),
  fold: z.union([z.literal('all'), whole(0)], 'expects a number from 0, or all').optional(),
  minutes: numberAbove(0).optional(),
  steps: whole(1).optional(),
  seed: seed.optional(),
  ...backendOptions,
  ...networkFields,
  batch: whole(1).optional(),
  patch: triple.optional(),
  checkpointSeconds: numberAbove(0, true).optional(),
  validate: z.boolean().optional(),
  resume: z.boolean().optional(),
});

/** What a run keeps for good: its data's split, its seed and its plans. Memory and backend may change. */
const FIXED = [
  'fold',
  'seed',
  'model',
  'channels',
  'levels',
  'blocks',
  'stream',
  'precision',
  'batch',
  'patch',
] as const;

export const command: CommandRun = async (input, { output, signal }) => {
  const o = parse(schema, input);
  if (!o.resume && o.data === undefined)
    throw new UsageError('--data is missing: give the folder of a data set, or --resume to go on with a run');
  if (o.minutes !== undefined && o.steps !== undefined)
    throw new UsageError('--minutes and --steps exclude each other: give one');
  if (!o.resume && o.minutes === undefined && o.steps === undefined)
    throw new UsageError('give --minutes or --steps: how long to train');
  const fixed = FIXED.find((name) => o.resume && o[name] !== undefined);
  if (fixed !== undefined)
    throw new UsageError(
      `--resume takes ${FIXED.slice(0, -1).join(', ')} and ${FIXED.at(-1)!} from the run: leave --${fixed} out, or edit the run's plans.json`,
    );
  const wishes = o.resume ? {} : modelWishes(o.model ?? 'unet3d', o);
  const memory = memorySetting(o);
  // A run goes on where it was: other backends give other bits.
  const name =
    backendOf(o) ??
    (o.resume && !process.env['REVOXEL_BACKEND'] ? (await readRunInfo(runPaths(o.out))).backend : 'auto');
  const backend = await chooseBackend(name, output);
  const progress = new Progress(output);
  let lastDice: number | null = null;
  try {
    const result = await train({
      data: o.data ?? '',
      out: o.out,
      backend,
      signal,
      started: 0,
      onEvent: (event) => {
        if (event.kind === 'epoch') lastDice = event.dice;
        progress.show(event);
      },
      resume: o.resume === true,
      plan: {
        ...wishes,
        ...(o.batch === undefined ? {} : { batch: o.batch }),
        ...(o.patch === undefined ? {} : { patch: o.patch }),
      },
      ...(o.model === undefined ? {} : { model: o.model }),
      ...(memory === undefined ? {} : { memory }),
      ...(o.fold === undefined ? {} : { fold: o.fold }),
      ...(o.minutes === undefined ? {} : { minutes: o.minutes }),
      ...(o.steps === undefined ? {} : { steps: o.steps }),
      ...(o.seed === undefined ? {} : { seed: o.seed }),
      ...(o.checkpointSeconds === undefined ? {} : { checkpointSeconds: o.checkpointSeconds }),
    });
    const scores = o.validate ? await validateRun(o.out, backend, progress, signal) : undefined;
    progress.stop();
    output.result(
      { ...result, backend: backend.name, ...(scores === undefined ? {} : { validation: scores.mean }) },
      () =>
        [
          `${result.steps} steps in ${duration(result.seconds)} on ${backend.name}; Dice on validation patches ${diceText(lastDice)}`,
          `memory ${mib(result.memory.plannedBytes)} planned, ${mib(result.memory.measuredBytes)} measured`,
          ...(scores === undefined ? [] : [evaluationTable(scores)]),
          `run folder ${result.run}`,
        ].join('\n'),
    );
  } finally {
    progress.stop();
  }
  return undefined;
};

/** Segment and score the validation cases of a run, whole volumes. */
async function validateRun(
  out: string,
  backend: Awaited<ReturnType<typeof chooseBackend>>,
  progress: Progress,
  signal: AbortSignal,
): Promise<Evaluation> {
  const paths = runPaths(out);
  const dataset = await openDataset((await readRunInfo(paths)).data);
  const { val } = await readSplit(
    paths.split,
    dataset.cases.map((c) => c.id),
  );
  if (val.length === 0) throw new UsageError('--validate needs validation cases: this run has none');
  using predictor = await loadPredictor(out, backend);
  progress.show({ kind: 'stage', text: `segmenting ${val.length} validation cases` });
  await predictImages(
    predictor,
    val.map((id) => findCase(dataset, id)),
    paths.validation,
    { run: out, signal, onEvent: progress.show },
  );
  return evaluate(paths.validation, dirname(findCase(dataset, val[0]!).label));
}
