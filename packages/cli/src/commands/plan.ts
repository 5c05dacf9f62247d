/** `revoxel plan`: what a training step will take, before it runs. Nothing is run unless `--measure` asks for it. */
import { MODEL_KINDS, modelLimits, modelParameterCount, trainingStep, type ModelConfig } from '@revoxel/models';
import {
  CubeSearch,
  InterruptedError,
  measureStep,
  modelConfig,
  rankOf,
  type ModelKind,
  type StepMeasurement,
} from '@revoxel/training';
import type { MemoryMode } from '@revoxel/runtime';
import { z } from 'zod';
import { UsageError } from '../exit.js';
import { checkBudget, modelWishes, networkFields } from '../network.js';
import type { CommandRun } from '../options.js';
import { Progress } from '../progress.js';
import { planChoices, type PlannedChoice } from '../plan/choices.js';
import { measureApart } from '../plan/measure.js';
import { planTarget } from '../plan/profile.js';
import { reportJson, reportText } from '../plan/report.js';
import { parse, sizes, whole } from '../schema.js';

const schema = z.looseObject({
  model: z.enum(MODEL_KINDS).optional(),
  patch: sizes,
  inChannels: whole(1).optional(),
  classes: whole(1).optional(),
  batch: whole(1).optional(),
  ...networkFields,
  optimizer: z.enum(['sgd', 'adamw']).optional(),
  profile: z.string().optional(),
  largestCube: z.boolean().optional(),
  measure: z.boolean().optional(),
  measureHere: z.boolean().optional(),
});

export const command: CommandRun = async (input, { output, signal }) => {
  const o = parse(schema, input);
  checkBudget(o);
  if (o.largestCube && o.budget === undefined)
    throw new UsageError('--largest-cube needs --budget: the bytes that the step may take, such as 8GiB');
  const { model: kind = 'unet3d', patch, inChannels = 1, classes = 2, batch = 1, optimizer = 'sgd' } = o;
  const model = modelConfig(kind, classes, modelWishes(kind, o));
  const rank = checkPatch(kind, model, patch);
  const target = await planTarget(o.profile);
  const backend = o.measure || o.measureHere ? await target.backend() : undefined;
  const { profile } = target;
  const program = { model, inChannels, batch, optimizer: { kind: optimizer } };
  const progress = new Progress(output);
  try {
    const query = {
      graph: trainingStep({ ...program, patch }),
      profile,
      mode: o.memory,
      budgetBytes: o.budget,
      mustFit: !o.largestCube,
      onWarning: (text: string) => progress.show({ kind: 'warning', text }),
      signal,
    };
    let choices = await planChoices(query);
    if (o.measureHere) {
      const measured = await measureStep(choices[0]!.plan, backend!, classes);
      output.result(measured, () => JSON.stringify(measured));
      return undefined;
    }
    if (o.budget !== undefined) {
      progress.show({ kind: 'stage', text: 'looking for the largest cubes' });
      // `auto` takes seconds a cube and reaches at least as far as the others: it is asked when someone wants to know.
      const wanted = (mode: MemoryMode): boolean => mode !== 'auto' || o.memory === 'auto' || o.largestCube === true;
      choices = await withCubes(choices, wanted, new CubeSearch({ ...program, rank }, profile, o.budget, signal));
    }
    if (o.largestCube) {
      // Not even another patch fits: then the budget is the fault, and the compiler says by how much.
      if (choices.every(({ largestCube }) => largestCube === null)) await planChoices({ ...query, mustFit: true });
    }
    if (o.measure) {
      const measure = (choice: PlannedChoice): Promise<StepMeasurement> => {
        progress.show({ kind: 'stage', text: `running two steps with memory ${choice.mode}` });
        return measureApart(input, choice, signal);
      };
      choices = await oneAfterTheOther(choices, async (choice) => ({ ...choice, measured: await measure(choice) }));
    }
    const subject = {
      model,
      parameters: modelParameterCount(model, inChannels, rank),
      patch,
      batch,
      inChannels,
      classes,
      optimizer,
      profile: { name: profile.name, threads: profile.threads },
      budgetBytes: o.budget,
    };
    output.result(reportJson(subject, choices, o.memory !== undefined), () => reportText(subject, choices));
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw new InterruptedError('plan: stopped before it was done');
    throw error;
  }
  return undefined;
};

/**
 * Check the patch against the network.
 *
 * @returns its number of axes.
 * @throws UsageError when it has another number of axes than the network is for, or sizes that cannot be halved so often.
 */
function checkPatch(kind: ModelKind, model: ModelConfig, patch: readonly number[]): number {
  const rank = rankOf(kind);
  const axes = rank === 3 ? 'depth,height,width' : 'height,width';
  if (patch.length !== rank)
    throw new UsageError(`--patch has ${patch.length} sizes, ${kind} takes ${rank}: give ${axes}`);
  const { divisor } = modelLimits(model, rank);
  const wrong = patch.findIndex((n, axis) => n % divisor[axis]! !== 0);
  if (wrong >= 0)
    throw new UsageError(
      `--patch: ${axes.split(',')[wrong]!} ${patch[wrong]!} is no multiple of ${divisor[wrong]!}, the steps of ${kind}; ` +
        'give such sizes, or fewer --levels',
    );
  if (patch.every((n, axis) => n === divisor[axis]!))
    throw new UsageError(
      `--patch ${patch.join(',')} leaves a single voxel at the lowest level of ${kind}; give a larger one`,
    );
  return rank;
}

function withCubes(
  choices: readonly PlannedChoice[],
  wanted: (mode: MemoryMode) => boolean,
  search: CubeSearch,
): Promise<PlannedChoice[]> {
  return oneAfterTheOther(choices, async (choice) =>
    wanted(choice.mode) ? { ...choice, largestCube: await search.edge(choice.mode) } : choice,
  );
}

async function oneAfterTheOther<T>(list: readonly T[], work: (item: T) => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  for (const item of list) done.push(await work(item));
  return done;
}
