/**
 * The commands and their options as one table: the parser, the help texts and the documentation are made from it. What the
 * values may be is checked by the schema beside each command, which is loaded only when the command runs.
 */

import type { Output } from './output.js';

/** One option of a command. */
export interface OptionSpec {
  /** As commander wants it, e.g. `--fold <k>`. */
  readonly flags: string;
  readonly description: string;
  readonly required?: boolean;
  /** Kept out of the help text's way: shown, never set when left out. */
  readonly choices?: readonly string[];
  /** Between processes of the command itself: in no help text. */
  readonly hidden?: boolean;
}

/** One positional argument. */
export interface ArgumentSpec {
  /** As commander wants it, e.g. `<file>`. */
  readonly name: string;
  readonly description: string;
}

/** One command. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  /** Command lines that work, shown by `--help`. */
  readonly examples: readonly string[];
  /** The command's module: what it does is loaded when it runs, so that `--help` is fast. */
  readonly load: () => Promise<{ command: CommandRun }>;
}

/** What a command does with its parsed options. */
export type CommandRun = (
  input: Readonly<Record<string, unknown>>,
  context: CommandContext,
) => Promise<number | undefined>;

/** What a command is given besides its options. */
export interface CommandContext {
  readonly output: Output;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

const json: OptionSpec = { flags: '--json', description: 'print the result as JSON, in one line' };
const backend: readonly OptionSpec[] = [
  {
    flags: '--backend <name>',
    description:
      'auto (the fastest there is), cuda, cuda:N, cpu, typescript or reference; REVOXEL_BACKEND is the same choice',
  },
  { flags: '--device <name>', description: 'the same as --backend: cuda:1 is the second GPU, cpu the processor' },
];

/** Networks for volumes, and for slices: all that @revoxel/models has (a test compares). */
const MODELS_3D = ['unet3d', 'partially-reversible-unet3d', 'revunet3d', 'iunet3d', 'irevunet3d'];
const MODELS_2D = ['iunet2d', 'irevunet2d'];

/** What `plan` and `train` ask of a network and its memory, in the same words. */
const network: readonly OptionSpec[] = [
  { flags: '--levels <n>', description: 'resolutions, the full one included' },
  { flags: '--blocks <n>', description: 'reversible blocks per level, down and up (reversible networks)' },
  {
    flags: '--stream <kind>',
    description:
      'storage of the reversible stream; q16 and q32 are rebuilt exactly (default: q16; reversible networks)',
    choices: ['f32', 'bf16', 'q16', 'q32'],
  },
  {
    flags: '--precision <dtype>',
    description: 'dtype of all other activations; f16 is for GPUs without bf16 (default: f32)',
    choices: ['f32', 'bf16', 'f16'],
  },
];
const memory: OptionSpec = {
  flags: '--memory <choice>',
  description:
    'where activations come from in the backward pass: kept, computed again, rebuilt, or the fastest in --budget',
  choices: ['keep', 'recompute', 'invert', 'auto'],
};

/** All commands, in the order of the help text. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'demo',
    summary: 'train on 16 real MR volumes, segment 4 unseen ones, show the scores',
    options: [
      {
        flags: '--data <dir>',
        description: 'data set to use instead of the one that comes along; every fifth case is held out',
      },
      { flags: '--out <dir>', description: 'run folder (default: runs/demo-DATE)' },
      { flags: '--minutes <m>', description: 'time for everything (default: 3.1 on cpu, 12 on typescript)' },
      { flags: '--seed <n>', description: 'seed of weights and batches (default: 0)' },
      ...backend,
      json,
    ],
    examples: ['revoxel demo', 'revoxel demo --minutes 1 --backend typescript', 'npm run demo -- --json'],
    load: () => import('./commands/demo.js'),
  },
  {
    name: 'doctor',
    summary: 'say what this machine has, what is missing, and how to install it',
    options: [json],
    examples: ['revoxel doctor', 'revoxel doctor --json'],
    load: () => import('./commands/doctor.js'),
  },
  {
    name: 'inspect',
    summary: 'describe a NIfTI file: size, spacing, orientation, values, labels',
    arguments: [{ name: '<file>', description: 'a .nii or .nii.gz file' }],
    options: [json],
    examples: ['revoxel inspect scan.nii.gz', 'revoxel inspect labels.nii.gz --json'],
    load: () => import('./commands/inspect.js'),
  },
  {
    name: 'plan',
    summary: 'say what a training step will take, byte by byte, before it runs',
    options: [
      { flags: '--model <name>', description: 'network (default: unet3d)', choices: [...MODELS_3D, ...MODELS_2D] },
      { flags: '--patch <sizes>', description: 'patch in voxels: d,h,w, or h,w for 2D networks', required: true },
      { flags: '--in-channels <n>', description: 'image channels (default: 1)' },
      { flags: '--classes <n>', description: 'labels, background included (default: 2)' },
      { flags: '--batch <n>', description: 'patches per step (default: 1)' },
      { flags: '--channels <n>', description: 'channels at full resolution (default: those of the network)' },
      ...network,
      { ...memory, description: `${memory.description} (default: a table of all)` },
      {
        flags: '--budget <size>',
        description: 'bytes the step may take, such as 8GiB; adds the choice auto to the table',
      },
      { flags: '--optimizer <name>', description: 'optimiser (default: sgd)', choices: ['sgd', 'adamw'] },
      {
        flags: '--profile <name>',
        description:
          'machine to plan for: typescript, reference, cpu, cpu:THREADS, or cuda:GPU such as cuda:H100-80G (default: what train would take here)',
      },
      {
        flags: '--largest-cube',
        description: 'with --budget: look for the largest cube under auto too, and let --patch be too large',
      },
      { flags: '--measure', description: 'run two steps under each choice, in processes of their own, and compare' },
      { flags: '--measure-here', description: 'measure in this process', hidden: true },
      json,
    ],
    examples: [
      'revoxel plan --model revunet3d --patch 128,128,128 --in-channels 1 --classes 3',
      'revoxel plan --model revunet3d --patch 128,128,128 --budget 2GiB --largest-cube',
      'revoxel plan --model iunet2d --patch 256,256 --memory invert --profile cpu:16 --json',
    ],
    load: () => import('./commands/plan.js'),
  },
  {
    name: 'train',
    summary: 'train a network on a data set',
    options: [
      {
        flags: '--data <dir>',
        description: 'data set folder, nnU-Net raw or Medical Segmentation Decathlon (with --resume: the run knows it)',
      },
      {
        flags: '--out <run>',
        description: 'run folder; everything needed to repeat the run is written there',
        required: true,
      },
      { flags: '--model <name>', description: 'network (default: unet3d)', choices: MODELS_3D },
      { flags: '--fold <k>', description: 'fold of the five-fold split, 0 to 4, or all (default: 0)' },
      {
        flags: '--minutes <m>',
        description: 'time for everything: 20 steps are timed, then the number of steps is fixed and written down',
      },
      { flags: '--steps <n>', description: 'number of training steps, instead of --minutes' },
      { flags: '--seed <n>', description: 'seed of weights and batches (default: 0)' },
      ...backend,
      {
        flags: '--channels <n>',
        description: 'channels at full resolution (default: those of the network, or what can be trained in the time)',
      },
      ...network,
      {
        ...memory,
        description: `${memory.description} (default: keep, or auto with --budget); free to change on --resume`,
      },
      { flags: '--budget <size>', description: 'bytes a step may take, such as 8GiB; decides the patch too' },
      { flags: '--batch <n>', description: 'patches per step (default: 2)' },
      { flags: '--patch <d,h,w>', description: 'patch size in voxels (default: from the data)' },
      { flags: '--checkpoint-seconds <s>', description: 'longest time between checkpoints (default: 120)' },
      { flags: '--validate', description: 'segment and score the validation cases at the end' },
      { flags: '--resume', description: 'go on with the run in --out from its last checkpoint' },
      json,
    ],
    examples: [
      'revoxel train --data Dataset004_Hippocampus --model unet3d --fold 0 --minutes 10 --out runs/hippocampus',
      'revoxel train --out runs/hippocampus --resume',
      'revoxel train --data Dataset004_Hippocampus --model revunet3d --budget 4GiB --steps 2000 --out runs/revunet',
    ],
    load: () => import('./commands/train.js'),
  },
  {
    name: 'predict',
    summary: 'segment images with a trained network',
    options: [
      { flags: '--run <run>', description: 'run folder of the training', required: true },
      { flags: '--input <path>', description: 'a NIfTI file, or a folder of them', required: true },
      { flags: '--output <dir>', description: 'folder for label maps and their JSON sidecars', required: true },
      { flags: '--probabilities', description: 'write the probability of every label too' },
      { flags: '--tta', description: 'average over mirrored copies: a little better, up to eight times the time' },
      ...backend,
      json,
    ],
    examples: ['revoxel predict --run runs/hippocampus --input scans/ --output predictions/'],
    load: () => import('./commands/predict.js'),
  },
  {
    name: 'evaluate',
    summary: 'score predictions against references: Dice per case, per label, mean',
    options: [
      { flags: '--prediction <path>', description: 'a label map, or a folder of them', required: true },
      {
        flags: '--reference <path>',
        description: 'a label map, or a folder with one of the same name for every prediction',
        required: true,
      },
      json,
    ],
    examples: ['revoxel evaluate --prediction predictions/ --reference labelsTr/ --json'],
    load: () => import('./commands/evaluate.js'),
  },
];
