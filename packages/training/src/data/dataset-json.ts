/**
 * What `dataset.json` may hold: the nnU-Net form and the Medical Segmentation Decathlon's (MSD), brought to one shape.
 * Checked here: the file itself. Not here: whether the files it speaks of exist (dataset.ts).
 *
 * Sources: nnU-Net's dataset format documentation; the MSD archives' own `dataset.json`.
 */
import { z } from 'zod';
import { checkJson, readJson } from '../json.js';
import { DatasetError } from './errors.js';

/** A value of the label maps and its name. */
export interface LabelName {
  /** Integer in the label files, 0 is background. */
  readonly value: number;
  readonly name: string;
}

/** `dataset.json` in one form, whichever layout it had. */
export interface DatasetInfo {
  readonly name: string;
  readonly layout: 'nnunet' | 'msd';
  /** Names by channel index; the name selects the normalisation. */
  readonly channelNames: readonly string[];
  /** Ascending by value, background included: 0, 1, ..., K. */
  readonly labels: readonly LabelName[];
  /** How image and label files end, `.nii.gz` or `.nii`. */
  readonly fileEnding: string;
  /** Number of training cases the file claims, when it does. */
  readonly numTraining: number | undefined;
  /** Cases listed in the file itself, paths as written there; `undefined` when the folders are to be scanned. */
  readonly listed: readonly ListedCase[] | undefined;
  /** The file as it was parsed, key order kept. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** A case listed in `dataset.json`. */
export interface ListedCase {
  readonly id: string;
  readonly images: readonly string[];
  readonly label: string;
}

/** The endings that are read. */
export const FILE_ENDINGS = ['.nii.gz', '.nii'] as const;

/** Label files become bytes, and one value is kept for "outside the image" (preprocess.ts). */
const LARGEST_LABEL = 254;

const channelSchema = z.record(z.string(), z.string(), { error: 'give {"0": "name of channel 0", ...}' });
const common = {
  name: z.string().optional(),
  channel_names: channelSchema.optional(),
  modality: channelSchema.optional(),
  numTraining: z.number().int().nonnegative().optional(),
};
const labelValue = z.union([z.number().int(), z.array(z.number().int()).min(1)], {
  error: 'a label is an integer, or a list of integers for a region',
});
const nnunetSchema = z.looseObject({
  ...common,
  labels: z.record(z.string(), labelValue, {
    error: (issue) => (issue.input === undefined ? 'is missing; give {"background": 0, "name": 1, ...}' : undefined),
  }),
  file_ending: z.string().optional(),
  dataset: z.record(z.string(), z.object({ images: z.array(z.string()).min(1), label: z.string() })).optional(),
});
const msdSchema = z.looseObject({
  ...common,
  labels: z.record(z.string().regex(/^\d+$/, 'MSD labels are {"0": "background", ...}'), z.string()),
  training: z.array(z.object({ image: z.string(), label: z.string() })).min(1, 'lists no case'),
});
const eitherSchema = z.looseObject({});

/**
 * Read and check `dataset.json`.
 *
 * @param file - its path.
 * @param fallbackName - name of the data set when the file has none.
 * @throws DatasetError when the file is missing, malformed, or asks for something that is not supported.
 */
export async function readDatasetJson(file: string, fallbackName: string): Promise<DatasetInfo> {
  const remedy = 'see the nnU-Net dataset format or the Medical Segmentation Decathlon for its form';
  const json = await readJson(file, eitherSchema, remedy);
  if ('training' in json) {
    const msd = checkJson(file, msdSchema, json, remedy);
    const pairs = Object.entries(msd.labels).map(([value, name]) => ({ value: Number(value), name }));
    const listed = msd.training
      .filter(({ image }) => !/^[._]/.test(baseName(image)))
      .map(({ image, label }) => ({ id: withoutEnding(baseName(image)), images: [image], label }));
    return {
      name: msd.name ?? fallbackName,
      layout: 'msd',
      channelNames: channels(file, msd.channel_names ?? msd.modality),
      labels: consecutive(file, pairs),
      fileEnding: endingOf(listed[0]?.images[0] ?? '.nii.gz'),
      numTraining: undefined,
      listed,
      json,
    };
  }
  const nnunet = checkJson(file, nnunetSchema, json, remedy);
  const fileEnding = nnunet.file_ending ?? '.nii.gz';
  if (!(FILE_ENDINGS as readonly string[]).includes(fileEnding)) {
    throw new DatasetError(
      file,
      `file_ending "${fileEnding}" is not supported`,
      `convert the images to NIfTI (${FILE_ENDINGS.join(' or ')})`,
    );
  }
  const listed =
    nnunet.dataset &&
    Object.entries(nnunet.dataset).map(([id, { images, label }]) => ({
      id,
      images: images.map(expandVariables),
      label: expandVariables(label),
    }));
  return {
    name: nnunet.name ?? fallbackName,
    layout: 'nnunet',
    channelNames: channels(file, nnunet.channel_names ?? nnunet.modality),
    labels: consecutive(file, plainLabels(file, nnunet.labels)),
    fileEnding,
    numTraining: nnunet.numTraining,
    listed,
    json,
  };
}

function channels(file: string, names: Readonly<Record<string, string>> | undefined): string[] {
  if (names === undefined)
    throw new DatasetError(
      file,
      'has no "channel_names"',
      'add {"channel_names": {"0": "MRI"}}, the name CT for CT images',
    );
  const count = Object.keys(names).length;
  const out: string[] = [];
  for (let i = 0; i < count; i++) {
    const name = names[String(i)];
    if (name === undefined)
      throw new DatasetError(
        file,
        `"channel_names" has ${count} entries but none for channel ${i}`,
        `number the channels 0 to ${count - 1}`,
      );
    out.push(name);
  }
  if (count === 0) throw new DatasetError(file, '"channel_names" is empty', 'name at least channel 0');
  return out;
}

function plainLabels(file: string, labels: Readonly<Record<string, number | readonly number[]>>): LabelName[] {
  return Object.entries(labels).map(([name, value]) => {
    if (name === 'ignore')
      throw new DatasetError(
        file,
        'has an "ignore" label, which is not supported yet',
        'annotate those voxels or leave the cases out',
      );
    if (typeof value === 'number') return { name, value };
    if (value.length > 1)
      throw new DatasetError(
        file,
        `label "${name}" is a region (${value.join(', ')}), which is not supported yet`,
        'give every label one integer',
      );
    return { name, value: value[0]! };
  });
}

function consecutive(file: string, labels: readonly LabelName[]): LabelName[] {
  const sorted = [...labels].sort((a, b) => a.value - b.value);
  const values = sorted.map((l) => l.value).join(', ');
  if (sorted.some((label, i) => label.value !== i)) {
    throw new DatasetError(
      file,
      `labels are [${values}], not consecutive from 0`,
      'number them 0 (background), 1, 2, ... here and in the label files',
    );
  }
  if (sorted.length < 2) throw new DatasetError(file, 'has no label but background', 'add the labels to be learned');
  if (sorted.length - 1 > LARGEST_LABEL)
    throw new DatasetError(file, `has ${sorted.length - 1} labels`, `use at most ${LARGEST_LABEL}`);
  return sorted;
}

/** Last part of a path written with `/`. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `.nii` or `.nii.gz`, or what follows the first dot for anything else. */
export function endingOf(name: string): string {
  const base = baseName(name);
  return (
    FILE_ENDINGS.find((ending) => base.endsWith(ending)) ?? (base.includes('.') ? base.slice(base.indexOf('.')) : '')
  );
}

/** A file name without `.nii` or `.nii.gz`. */
export function withoutEnding(name: string): string {
  return name.slice(0, name.length - endingOf(name).length);
}

/** `$NAME` and `${NAME}` from the environment; unknown names stay as they are. */
function expandVariables(path: string): string {
  return path.replace(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, braced?: string, bare?: string) => process.env[braced ?? bare ?? ''] ?? whole,
  );
}
