/**
 * A trained network applied to images: load a run, predict volumes in their own geometry. Files are predict-files.ts's
 * business.
 *
 * Memory beside the session: the preprocessed image, one slab of scores, two planes, and the result.
 *
 * Source: nnU-Net's inference (Isensee et al. 2021).
 */
import { boxShape, separateAxis, type Triple, type Volume } from '@revoxel/imaging';
import { inferenceStep } from '@revoxel/models';
import { compile, type Backend, type Executable, type Session, type SessionMemory } from '@revoxel/runtime';
import { openCheckpoint } from '../checkpoint.js';
import { preprocessImage } from '../data/preprocess.js';
import { restoreLabels, restoreProbabilities } from '../data/restore.js';
import { readPlans, type Plans } from '../plan/plans.js';
import { runPaths } from '../run-folder.js';
import { ResampleStream } from './resample-stream.js';
import { slideWindow } from './sliding-window.js';

/** Settings of a prediction. */
export interface PredictOptions {
  /** Mean over all flips of the axes that training mirrored; up to eight times the work. Default false. */
  readonly mirror?: boolean;
  /** Largest distance between tiles as a part of the tile. Default 0.5. */
  readonly step?: number;
  /** Give probabilities too. Default false. */
  readonly probabilities?: boolean;
  readonly onTile?: (done: number, total: number) => void;
  /** Stops between tiles. */
  readonly signal?: AbortSignal;
}

/** What was predicted for one image, in the image's own geometry. */
export interface Prediction {
  /** `[1, D, H, W]`, labels 0 ... K. */
  readonly labels: Volume<Uint8Array>;
  /** `[K + 1, D, H, W]`, summing to 1; when asked for. */
  readonly probabilities: Volume<Float32Array> | undefined;
}

/** A network in a session of its own, ready to predict. Made by `loadPredictor`; dispose it. */
export class Predictor {
  readonly plans: Plans;
  readonly backend: Backend;
  readonly #session: Session;
  readonly #network: Executable;

  /** @internal use `loadPredictor` */
  constructor(plans: Plans, backend: Backend, session: Session, network: Executable) {
    this.plans = plans;
    this.backend = backend;
    this.#session = session;
    this.#network = network;
  }

  /** Bytes the session holds. */
  memory(): SessionMemory {
    return this.#session.memory();
  }

  /**
   * Predict one image.
   *
   * @param image - `[C, D, H, W]`, any orientation and spacing, channels as in training.
   * @returns labels (and probabilities) with the image's shape and affine.
   * @throws DataArgumentError for another number of channels; the signal's reason when it stops.
   */
  async predict(image: Volume<Float32Array>, options: PredictOptions = {}): Promise<Prediction> {
    const { plans } = this;
    const classes = plans.labels.length;
    const { image: ready, properties } = preprocessImage(image, plans);
    const inner = boxShape(properties.box);
    const area = inner[1] * inner[2];
    const labels = new Uint8Array(inner[0] * area);
    const probabilities = options.probabilities ? new Float32Array(classes * labels.length) : undefined;

    const decide = (plane: Float32Array, z: number): void => {
      largest(plane, classes, labels.subarray(z * area, (z + 1) * area));
      if (probabilities) softmaxPlane(plane, classes, area, probabilities, z * area, labels.length);
    };
    const nearestAxis = separateAxis(properties.spacing, properties.canonicalSpacing);
    const stream = new ResampleStream(properties.shape, inner, classes, decide, nearestAxis);

    const voxels = plans.patch[0] * plans.patch[1] * plans.patch[2];
    const into = { logits: new Float32Array(classes * voxels) };
    await slideWindow(
      ready.data,
      ready.channels,
      properties.shape,
      {
        patch: plans.patch,
        classes,
        mirrorAxes: options.mirror ? plans.augmentation.mirror.axes : [],
        ...(options.step === undefined ? {} : { step: options.step }),
        ...(options.onTile === undefined ? {} : { onTile: options.onTile }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      async (tile) => {
        await this.#network.run({ image: tile }, {}, { into });
        return into.logits;
      },
      (planes, _first, count) => stream.push(planes, count),
    );
    // The scores lie on the crop's grid already: nothing is left to resample.
    const onCrop = { ...properties, shape: inner };
    return {
      labels: restoreLabels(labels, onCrop),
      probabilities: probabilities && restoreProbabilities(probabilities, classes, onCrop),
    };
  }

  dispose(): void {
    this.#session.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Options of `loadPredictor`. */
export interface LoadPredictorOptions {
  /** Voxels of a tile instead of the plans' patch, `[D, H, W]`; multiples of the model's steps. */
  readonly patch?: Triple;
}

/**
 * Load the network of a run.
 *
 * @param run - a run folder with a checkpoint.
 * @throws RunError or DatasetError when plans or checkpoint are missing or do not fit; FormatError when they are damaged.
 */
export async function loadPredictor(
  run: string,
  backend: Backend,
  options: LoadPredictorOptions = {},
): Promise<Predictor> {
  const paths = runPaths(run);
  const read = await readPlans(paths.plans);
  const plans = options.patch ? { ...read, patch: options.patch } : read;
  await using checkpoint = await openCheckpoint(paths.checkpoint);
  const { model, patch, channelNames } = plans;
  const plan = compile(inferenceStep({ model, inChannels: channelNames.length, batch: 1, patch }), backend.profile);
  const session = await backend.createSession();
  try {
    const network = await session.load(plan);
    await checkpoint.restore(session);
    return new Predictor(plans, backend, session, network);
  } catch (error) {
    session.dispose();
    throw error;
  }
}

/** Index of the largest channel of a plane, the lowest on ties. */
function largest(plane: Float32Array, classes: number, out: Uint8Array): void {
  const area = out.length;
  for (let i = 0; i < area; i++) {
    let best = plane[i]!;
    let winner = 0;
    for (let c = 1; c < classes; c++) {
      const value = plane[c * area + i]!;
      if (value > best) {
        best = value;
        winner = c;
      }
    }
    out[i] = winner;
  }
}

/** Softmax over the channels of a plane, written to a volume `[classes, voxels]` from `at`. */
function softmaxPlane(
  plane: Float32Array,
  classes: number,
  area: number,
  out: Float32Array,
  at: number,
  voxels: number,
): void {
  for (let i = 0; i < area; i++) {
    let top = plane[i]!;
    for (let c = 1; c < classes; c++) top = Math.max(top, plane[c * area + i]!);
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      const e = Math.exp(plane[c * area + i]! - top);
      out[c * voxels + at + i] = e;
      sum += e;
    }
    for (let c = 0; c < classes; c++) out[c * voxels + at + i]! /= sum;
  }
}
