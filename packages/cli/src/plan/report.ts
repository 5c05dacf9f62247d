/** What `revoxel plan` found, as JSON and as text. Pure functions. */
import type { MemoryClass, Plan } from '@revoxel/runtime';
import { rssLimit, streamOf } from '@revoxel/training';
import type { ModelConfig, OptimizerConfig } from '@revoxel/models';
import { table } from '../output.js';
import type { PlannedChoice } from './choices.js';

/** What all rows share. */
export interface PlanSubject {
  readonly model: ModelConfig;
  /** Trainable numbers. */
  readonly parameters: number;
  readonly patch: readonly number[];
  readonly batch: number;
  readonly inChannels: number;
  readonly classes: number;
  readonly optimizer: OptimizerConfig['kind'];
  readonly profile: { readonly name: string; readonly threads: number };
  readonly budgetBytes: number | undefined;
}

/** The JSON of one choice. Bytes, FLOPs, seconds. */
export function choiceJson({ mode, plan, planMs, largestCube, measured }: PlannedChoice): Record<string, unknown> {
  const { memory, choice, flops, bytesMoved } = plan;
  return {
    memory: {
      mode,
      peakBytes: memory.peakBytes,
      activationBytes: memory.byClass.activations,
      byClass: memory.byClass,
      persistentBytes: memory.persistentBytes,
      transientBytes: memory.transientBytes,
      lowerBoundBytes: memory.lowerBoundBytes,
    },
    flops: { step: flops, extra: choice?.extraFlops ?? 0, extraShare: extraShare(plan) },
    bytesMoved,
    seconds: choice?.seconds ?? null,
    keepSeconds: choice?.keepSeconds ?? null,
    planMs,
    units: choice?.units ?? [],
    warnings: choice?.warnings ?? [],
    ...(largestCube === undefined ? {} : { largestCube }),
    ...(measured === undefined ? {} : { measured }),
  };
}

/** FLOPs beyond those of a plan in which nothing is made twice, as a part of them. */
function extraShare({ flops, choice }: Plan): number {
  const extra = choice?.extraFlops ?? 0;
  return extra / (flops - extra);
}

/** The JSON of the command. @param single - one choice was asked for: its facts are repeated at the top. */
export function reportJson(subject: PlanSubject, choices: readonly PlannedChoice[], single: boolean): unknown {
  const plans = choices.map(choiceJson);
  const { model, budgetBytes, ...rest } = subject;
  return {
    model: model.kind,
    config: model,
    ...rest,
    ...(budgetBytes === undefined ? {} : { budgetBytes }),
    ...(single ? { memory: plans[0]!['memory'], flops: plans[0]!['flops'] } : {}),
    plans,
  };
}

/** Classes with a column of their own; all others and what the layout could not fill are one more. */
const COLUMNS: readonly (readonly [MemoryClass, string])[] = [
  ['parameters', 'parameters'],
  ['optimizer', 'optimiser'],
  ['gradients', 'gradients'],
  ['activations', 'activations'],
  ['workspace', 'workspace'],
  ['io', 'io'],
];

/** Peaks from here on are shown in GiB. */
const LARGE = 10 * 2 ** 30;

/** The text of the command. */
export function reportText(subject: PlanSubject, choices: readonly PlannedChoice[]): string {
  const { budgetBytes } = subject;
  const large = choices.some(({ plan }) => plan.memory.peakBytes >= LARGE);
  const bytes = (n: number): string => (large ? (n / 2 ** 30).toFixed(2) : (n / 2 ** 20).toFixed(1));
  const unit = large ? 'GiB' : 'MiB';
  const cubes = choices.some((c) => c.largestCube !== undefined);
  const power = subject.patch.length === 3 ? 'cube' : 'square';
  const header = [
    'memory',
    ...COLUMNS.map(([, name]) => name),
    'other',
    'peak',
    'TFLOP',
    'extra',
    `${unit} moved`,
    'time',
    'planned in',
    ...(cubes ? [`largest ${power}`] : []),
  ];
  const rows = choices.map(({ mode, plan, planMs, largestCube }) => {
    const { byClass, peakBytes } = plan.memory;
    const named = COLUMNS.map(([name]) => byClass[name]);
    const other = peakBytes - named.reduce((sum, n) => sum + n, 0);
    const over = budgetBytes !== undefined && peakBytes > budgetBytes;
    return [
      mode,
      ...named.map(bytes),
      bytes(other),
      `${bytes(peakBytes)}${over ? '!' : ''}`,
      (plan.flops / 1e12).toPrecision(4),
      `+${(100 * extraShare(plan)).toFixed(1)} %`,
      bytes(plan.bytesMoved),
      plan.choice === undefined ? '-' : `x${(plan.choice.seconds / plan.choice.keepSeconds).toFixed(2)}`,
      `${planMs.toFixed(0)} ms`,
      ...(cubes
        ? [
            largestCube === undefined
              ? ''
              : largestCube === null
                ? 'none'
                : new Array<number>(subject.patch.length).fill(largestCube).join('x'),
          ]
        : []),
    ];
  });
  return [
    subjectLine(subject),
    '',
    table([header, ...rows]),
    `bytes in ${unit}; extra and time: against a plan in which nothing is made twice, by the profile's nominal speed`,
    ...(budgetBytes === undefined ? [] : [`budget ${bytes(budgetBytes)} ${unit}; peaks above it are marked !`]),
    ...warningLines(choices),
    ...unitLines(choices),
    ...measuredLines(choices, bytes, unit),
  ].join('\n');
}

function subjectLine({
  model,
  parameters,
  patch,
  batch,
  inChannels,
  classes,
  optimizer,
  profile,
}: PlanSubject): string {
  const stream = streamOf(model);
  return [
    `${model.kind}: ${grouped(parameters)} parameters`,
    `patch ${patch.join('x')}, batch ${batch}, ${inChannels} channel(s) in, ${classes} classes`,
    `${stream === undefined ? '' : `stream ${stream}, `}precision ${model.precision ?? 'f32'}, ${optimizer}`,
    `profile ${profile.name}, ${profile.threads} thread(s)`,
  ].join('\n');
}

/** 16903523 as 16 903 523. */
function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ' ');
}

function warningLines(choices: readonly PlannedChoice[]): string[] {
  return choices.flatMap(({ mode, plan }) => (plan.choice?.warnings ?? []).map((text) => `warning: ${mode}: ${text}`));
}

/** What was decided for each part of the network, where that was a search. */
function unitLines(choices: readonly PlannedChoice[]): string[] {
  const units = choices.find(({ mode }) => mode === 'auto')?.plan.choice?.units;
  if (units === undefined) return [];
  return ['', table([['unit', 'auto'], ...units.map(({ name, choice }) => [name, choice])])];
}

function measuredLines(choices: readonly PlannedChoice[], bytes: (n: number) => string, unit: string): string[] {
  const rows = choices.flatMap(({ mode, measured: m }) =>
    m === undefined
      ? []
      : [
          [
            mode,
            bytes(m.plannedBytes),
            m.residentBytes === null ? '-' : bytes(m.residentBytes),
            bytes(m.otherBytes),
            bytes(m.rssGrowthBytes),
            `${bytes(rssLimit(m.plannedBytes))}${m.rssGrowthBytes > rssLimit(m.plannedBytes) ? '!' : ''}`,
            `${m.secondsPerStep.toFixed(3)} s`,
          ],
        ],
  );
  if (rows.length === 0) return [];
  return [
    '',
    table([['measured', 'planned', 'resident', 'rounding', 'process grew', 'at most', 'a step'], ...rows]),
    `bytes in ${unit}; resident: the session's own mappings, planned bytes and rounding to pages; at most: planned x 1.02 + 48 MiB`,
  ];
}
