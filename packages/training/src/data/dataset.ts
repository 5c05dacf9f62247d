/**
 * Data sets on disk, read as they are: nnU-Net raw folders and Medical Segmentation Decathlon tasks. Opening one checks that
 * every file is there; loading a case checks what is in its files. Nothing is written and nothing is reoriented here.
 *
 * Sources: nnU-Net's dataset format documentation and integrity check; the MSD archives.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { readDatasetJson, withoutEnding, endingOf } from './dataset-json.js';
import type { DatasetInfo, LabelName, ListedCase } from './dataset-json.js';
import { DatasetError, reasonOf } from './errors.js';
import { compareNames } from './splits.js';

/** Files of one image: one per channel, or one 4D file that holds all channels. */
export interface ImageFiles {
  /** Name of the case. */
  readonly id: string;
  /** Absolute paths by channel. */
  readonly images: readonly string[];
}

/** Files of one training case. */
export interface CaseFiles extends ImageFiles {
  /** Absolute path of the label map. */
  readonly label: string;
}

/** An opened data set: what it is and where its files are. */
export interface Dataset {
  /** Absolute path of the folder that holds `dataset.json`. */
  readonly folder: string;
  readonly name: string;
  readonly layout: 'nnunet' | 'msd';
  /** Names by channel index; the name selects the normalisation. */
  readonly channelNames: readonly string[];
  /** Ascending by value, background (0) included. */
  readonly labels: readonly LabelName[];
  /** How image and label files end, `.nii.gz` or `.nii`. */
  readonly fileEnding: string;
  /** Ascending by id. */
  readonly cases: readonly CaseFiles[];
  /** `dataset.json` as it was parsed, key order kept. */
  readonly json: Readonly<Record<string, unknown>>;
}

/**
 * Open a data set: read `dataset.json`, find every file, check that none is missing. No image is read.
 *
 * @param folder - an nnU-Net raw folder (`imagesTr/x_0000.nii.gz`, `labelsTr/x.nii.gz`, or a `dataset` key in
 * `dataset.json`) or an MSD task (`training` list in `dataset.json`; images may be 4D).
 * @throws DatasetError for an empty or missing folder, a missing or malformed `dataset.json`, a missing image, channel or
 * label, labels that are not consecutive, regions and the ignore label (not supported yet), a case given twice.
 * @example
 * const dataset = await openDataset('Dataset004_Hippocampus');
 * console.log(dataset.cases.length, dataset.labels.map((l) => l.name));
 */
export async function openDataset(folder: string): Promise<Dataset> {
  const root = resolve(folder);
  const entries = await list(root);
  if (entries === undefined)
    throw new DatasetError(folder, 'no such folder', 'give the folder that holds dataset.json');
  if (entries.length === 0) throw new DatasetError(folder, 'is empty', 'give the folder that holds dataset.json');
  const file = join(root, 'dataset.json');
  if (!entries.includes('dataset.json')) {
    throw new DatasetError(
      file,
      'is missing',
      'give the folder that holds dataset.json, or write one (nnU-Net dataset format)',
    );
  }
  const info = await readDatasetJson(file, basename(root));
  const cases = info.listed === undefined ? await scan(root, info) : await resolveListed(root, file, info, info.listed);
  refuseDuplicates(file, cases);
  if (cases.length === 0) throw new DatasetError(file, 'lists no case', 'add cases');
  if (info.numTraining !== undefined && info.numTraining !== cases.length) {
    throw new DatasetError(
      file,
      `"numTraining" is ${info.numTraining} but there are ${cases.length} cases`,
      'correct the number or restore the files',
    );
  }
  return {
    folder: root,
    name: info.name,
    layout: info.layout,
    channelNames: info.channelNames,
    labels: info.labels,
    fileEnding: info.fileEnding,
    cases: [...cases].sort((a, b) => compareNames(a.id, b.id)),
    json: info.json,
  };
}

/**
 * The case of that name.
 *
 * @throws DatasetError when the data set has none.
 */
export function findCase(dataset: Dataset, id: string): CaseFiles {
  const found = dataset.cases.find((c) => c.id === id);
  if (found === undefined)
    throw new DatasetError(dataset.folder, `has no case "${id}"`, `the cases are ${dataset.cases[0]?.id ?? ''} ...`);
  return found;
}

/**
 * Images to predict: one file, or every image of a folder. Files named `x_0000.nii.gz`, `x_0001.nii.gz`, ... are channels
 * of case `x`; a file without such a number is a case of its own (one channel, or 4D).
 *
 * @param path - file or folder. For a file `x_0000...` of a multi-channel image, its siblings are the other channels.
 * @param channels - number of channels the network takes.
 * @returns ascending by id.
 * @throws DatasetError when nothing is there, a channel is missing, or two files give one id.
 */
export async function findImages(path: string, channels: number): Promise<ImageFiles[]> {
  const root = resolve(path);
  const entries = await list(root);
  if (entries !== undefined) {
    const names = entries.filter((name) => !name.startsWith('.') && isImage(name));
    if (names.length === 0)
      throw new DatasetError(path, 'holds no image', 'give a NIfTI file or a folder of them (.nii, .nii.gz)');
    return group(path, root, names, channels);
  }
  try {
    await stat(root);
  } catch (error) {
    throw new DatasetError(path, 'no such file or folder', 'check the path', { cause: error });
  }
  const folder = dirname(root);
  const { id } = channelOf(basename(root), channels);
  const ending = endingOf(root);
  const siblings = (await list(folder))?.filter(
    (name) => isImage(name) && endingOf(name) === ending && channelOf(name, channels).id === id,
  );
  return group(path, folder, channels > 1 && siblings !== undefined ? siblings : [basename(root)], channels);
}

function group(path: string, folder: string, names: readonly string[], channels: number): ImageFiles[] {
  const found = new Map<string, string[]>();
  for (const name of [...names].sort(compareNames)) {
    const { id, channel } = channelOf(name, channels);
    const images = found.get(id) ?? [];
    found.set(id, images);
    const other = images[channel];
    if (other !== undefined)
      throw new DatasetError(
        join(folder, name),
        `is channel ${channel} of case "${id}", and so is ${other}`,
        'rename or remove one of them',
      );
    images[channel] = join(folder, name);
  }
  return [...found].map(([id, images]) => {
    // One file alone may be 4D and hold all channels; reading it tells.
    if (images.length === 1 && images[0] !== undefined) return { id, images };
    for (let c = 0; c < channels; c++) {
      if (images[c] === undefined)
        throw new DatasetError(
          path,
          `case "${id}" has no channel ${c}, the network takes ${channels}`,
          'name the channels x_0000, x_0001, ... and give all of them',
        );
    }
    return { id, images };
  });
}

function isImage(name: string): boolean {
  return name.endsWith('.nii.gz') || name.endsWith('.nii');
}

/** Case and channel of a file name. A number beyond the network's channels is no channel but part of the name (`scan_2024`). */
function channelOf(name: string, channels: number): { id: string; channel: number } {
  const stem = withoutEnding(name);
  const match = /^(.+)_(\d{4})$/.exec(stem);
  const channel = Number(match?.[2]);
  return match !== null && channel < channels ? { id: match[1]!, channel } : { id: stem, channel: 0 };
}

/** Names in a folder, sorted; `undefined` when it is no folder. */
async function list(folder: string): Promise<string[] | undefined> {
  try {
    return (await readdir(folder)).sort(compareNames);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new DatasetError(folder, `cannot be listed (${reasonOf(error)})`, 'check its permissions', { cause: error });
  }
}

/** The cases of `imagesTr` and `labelsTr`. */
async function scan(root: string, info: DatasetInfo): Promise<CaseFiles[]> {
  const imageFolder = join(root, 'imagesTr');
  const labelFolder = join(root, 'labelsTr');
  const ending = info.fileEnding;
  const names = (await list(imageFolder))?.filter((name) => name.endsWith(ending) && !name.startsWith('.'));
  if (names === undefined)
    throw new DatasetError(imageFolder, 'no such folder', 'put the images there, named case_0000' + ending);
  if (names.length === 0)
    throw new DatasetError(
      imageFolder,
      `holds no *${ending} file`,
      'put the images there or correct "file_ending" in dataset.json',
    );
  const labels = new Set((await list(labelFolder)) ?? []);
  const channelsOf = new Map<string, Set<number>>();
  for (const name of names) {
    const match = /^(.+)_(\d{4})$/.exec(name.slice(0, name.length - ending.length));
    if (match === null) {
      throw new DatasetError(
        join(imageFolder, name),
        'has no channel number in its name',
        `name it case_0000${ending}, case_0001${ending} for the next channel`,
      );
    }
    const set = channelsOf.get(match[1]!) ?? new Set<number>();
    channelsOf.set(match[1]!, set.add(Number(match[2])));
  }
  const count = info.channelNames.length;
  return [...channelsOf].map(([id, present]) => {
    const images = info.channelNames.map((_, c) => join(imageFolder, `${id}_${String(c).padStart(4, '0')}${ending}`));
    const absent = images.findIndex((_, c) => !present.has(c));
    if (absent >= 0) {
      throw new DatasetError(
        images[absent]!,
        `is missing: channel ${absent} ("${info.channelNames[absent]!}") of case "${id}"`,
        'restore the file or take the case out',
      );
    }
    const extra = [...present].find((c) => c >= count);
    if (extra !== undefined) {
      throw new DatasetError(
        join(imageFolder, `${id}_${String(extra).padStart(4, '0')}${ending}`),
        `is channel ${extra}, but dataset.json names ${count}`,
        'add it to "channel_names" or take the file out',
      );
    }
    const label = join(labelFolder, `${id}${ending}`);
    if (!labels.has(`${id}${ending}`))
      throw new DatasetError(label, `is missing: the label of case "${id}"`, 'restore the file or take the case out');
    return { id, images, label };
  });
}

/** The cases listed in `dataset.json`, their files checked for existence. */
async function resolveListed(
  root: string,
  file: string,
  info: DatasetInfo,
  listed: readonly ListedCase[],
): Promise<CaseFiles[]> {
  const absolute = (path: string): string => (isAbsolute(path) ? path : join(root, path));
  const cases = listed.map(({ id, images, label }) => ({ id, images: images.map(absolute), label: absolute(label) }));
  // One listing per folder costs far less than one `stat` per file on network disks.
  const listings = new Map<string, Set<string>>();
  for (const { id, images, label } of cases) {
    if (images.length !== 1 && images.length !== info.channelNames.length) {
      throw new DatasetError(
        file,
        `case "${id}" lists ${images.length} images, "channel_names" has ${info.channelNames.length}`,
        'list one image per channel',
      );
    }
    for (const path of [...images, label]) {
      const folder = dirname(path);
      let names = listings.get(folder);
      if (names === undefined) listings.set(folder, (names = new Set(await list(folder))));
      if (!names.has(basename(path)))
        throw new DatasetError(
          path,
          `is missing: listed for case "${id}" in dataset.json`,
          'restore the file or take the case out of the list',
        );
    }
  }
  return cases;
}

function refuseDuplicates(file: string, cases: readonly CaseFiles[]): void {
  const ids = new Set<string>();
  const owner = new Map<string, string>();
  for (const { id, images } of cases) {
    // Names of cases become names of files.
    if (id === '' || id.startsWith('.') || /[/\\]/.test(id))
      throw new DatasetError(file, `case name "${id}" cannot be a file name`, 'use letters, digits, _ and -');
    if (ids.has(id)) throw new DatasetError(file, `case "${id}" is there twice`, 'give every case a name of its own');
    ids.add(id);
    for (const image of images) {
      const other = owner.get(image);
      if (other !== undefined)
        throw new DatasetError(
          file,
          `cases "${other}" and "${id}" share the image ${image}`,
          'list every image once: a case in both training and validation makes scores worthless',
        );
      owner.set(image, id);
    }
  }
}
