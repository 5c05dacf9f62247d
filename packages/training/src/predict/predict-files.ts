/**
 * Prediction of files: NIfTI images in, NIfTI label maps with a JSON sidecar out. Files appear whole or not at all, and
 * nothing is overwritten by a run that fails before it.
 */
import { mkdir, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeNifti } from '@revoxel/imaging';
import { findImages, type ImageFiles } from '../data/dataset.js';
import { reasonOf } from '../data/errors.js';
import { loadImage } from '../data/load-case.js';
import { InterruptedError, RunError } from '../errors.js';
import { writeJson } from '../json.js';
import type { OnEvent } from '../train/events.js';
import { versions } from '../versions.js';
import type { Predictor, PredictOptions } from './predictor.js';

/** Options of `predictFiles`. */
export interface PredictFilesOptions extends Pick<PredictOptions, 'mirror' | 'step' | 'probabilities' | 'signal'> {
  /** Written into the sidecars; a path of the run. */
  readonly run: string;
  readonly onEvent?: OnEvent;
}

/** One predicted case. */
export interface PredictedFile {
  readonly id: string;
  /** Absolute path of the label map. */
  readonly file: string;
  /** Absolute path of the probabilities, when they were asked for. */
  readonly probabilities: string | undefined;
  readonly seconds: number;
  /** Voxels of every label, by value. */
  readonly voxels: Readonly<Record<string, number>>;
}

/**
 * Predict a file or a folder of files.
 *
 * @param input - a NIfTI image, or a folder of them; channels `x_0000`, `x_0001`, ... belong together.
 * @param output - folder for `x.nii.gz`, `x.json` and, with probabilities, `probabilities/x.nii.gz`; made when missing.
 * @throws DatasetError, FormatError, ReadError naming the image that cannot be used; WriteError, RunError when the output
 * cannot be written; InterruptedError after a stop.
 */
export async function predictFiles(
  predictor: Predictor,
  input: string,
  output: string,
  options: PredictFilesOptions,
): Promise<PredictedFile[]> {
  return predictImages(predictor, await findImages(input, predictor.plans.channelNames.length), output, options);
}

/** NIfTI's intent code of label maps. */
const LABEL_INTENT = 1002;

/** Predict given images; otherwise as `predictFiles`. */
export async function predictImages(
  predictor: Predictor,
  images: readonly ImageFiles[],
  output: string,
  options: PredictFilesOptions,
): Promise<PredictedFile[]> {
  const folder = resolve(output);
  await refuseOverwriting(images, folder);
  try {
    await mkdir(options.probabilities ? join(folder, 'probabilities') : folder, { recursive: true });
  } catch (error) {
    throw new RunError(output, `cannot be made (${reasonOf(error)})`, 'check the path and its permissions', {
      cause: error,
    });
  }
  const done: PredictedFile[] = [];
  for (const files of images) {
    try {
      done.push(await predictOne(predictor, files, folder, options));
    } catch (error) {
      if (options.signal?.aborted)
        throw new InterruptedError(
          `${output}: stopped after ${done.length} of ${images.length} cases; predict again for the rest`,
        );
      throw error;
    }
    options.onEvent?.({ kind: 'case', id: files.id, done: done.length, total: images.length });
  }
  return done;
}

/** A label map named like a scan, in the scan's folder, would replace the scan. */
async function refuseOverwriting(images: readonly ImageFiles[], folder: string): Promise<void> {
  const real = async (file: string): Promise<string> => realpath(file).catch(() => resolve(file));
  const inputs = new Map<string, string>();
  for (const { images: files } of images) for (const file of files) inputs.set(await real(file), file);
  for (const { id } of images) {
    for (const target of [join(folder, `${id}.nii.gz`), join(folder, 'probabilities', `${id}.nii.gz`)]) {
      const input = inputs.get(await real(target));
      if (input !== undefined)
        throw new RunError(
          input,
          'is an input and would be overwritten by its prediction',
          'choose another output folder',
        );
    }
  }
}

async function predictOne(
  predictor: Predictor,
  files: ImageFiles,
  folder: string,
  options: PredictFilesOptions,
): Promise<PredictedFile> {
  const { onEvent, signal, mirror = false, step = 0.5, probabilities = false } = options;
  const began = performance.now();
  const { plans, backend } = predictor;
  const image = await loadImage(files, plans.channelNames.length);
  const result = await predictor.predict(image, {
    mirror,
    step,
    probabilities,
    ...(signal === undefined ? {} : { signal }),
    onTile: (done, total) => onEvent?.({ kind: 'tile', id: files.id, done, total }),
  });
  const file = join(folder, `${files.id}.nii.gz`);
  const probabilityFile = probabilities ? join(folder, 'probabilities', `${files.id}.nii.gz`) : undefined;
  await writeNifti(file, result.labels, { description: 'Revoxel', intentCode: LABEL_INTENT });
  if (probabilityFile !== undefined)
    await writeNifti(probabilityFile, result.probabilities!, { description: 'Revoxel' });
  const voxels = countVoxels(result.labels.data, plans.labels.length);
  const seconds = (performance.now() - began) / 1000;
  await writeJson(join(folder, `${files.id}.json`), {
    id: files.id,
    images: files.images,
    run: resolve(options.run),
    labels: plans.labels.map((label) => ({ ...label, voxels: voxels[String(label.value)] })),
    mirror,
    step,
    backend: backend.name,
    versions: versions(),
    seconds,
  });
  return { id: files.id, file, probabilities: probabilityFile, seconds, voxels };
}

function countVoxels(labels: Uint8Array, classes: number): Record<string, number> {
  const counts = new Float64Array(classes);
  for (let i = 0; i < labels.length; i++) counts[labels[i]!]!++;
  return Object.fromEntries(Array.from(counts, (n, value) => [String(value), n]));
}
