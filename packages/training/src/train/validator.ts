/**
 * Validation during training: loss and pseudo-Dice on patches of the validation cases, without augmentation. The patches
 * are the same at every validation, so that their scores can be compared over time.
 */
import type { Executable } from '@revoxel/runtime';
import type { PatchCase } from '../augment/patch-case.js';
import { makeSample, type SampleOptions } from '../augment/sample.js';
import { DiceCounts } from './dice-counts.js';

/** Result of one validation. */
export interface Validation {
  /** Mean over batches. */
  readonly loss: number;
  /** Per foreground class, NaN where a class is in no patch. */
  readonly dice: readonly number[];
}

/** Runs the validation plan over a fixed set of patches. */
export class Validator {
  readonly #executable: Executable;
  readonly #cases: readonly PatchCase[];
  readonly #options: SampleOptions;
  readonly #batches: number;
  readonly #classes: number;
  readonly #image: Float32Array;
  readonly #labels: Uint8Array;
  readonly #prediction: Uint8Array;

  /**
   * @param executable - of `validationStep`.
   * @param options - as in training; augmentation is left out.
   */
  constructor(
    executable: Executable,
    cases: readonly PatchCase[],
    options: SampleOptions,
    batches: number,
    classes: number,
  ) {
    this.#executable = executable;
    this.#cases = cases;
    this.#options = { ...options, augment: undefined };
    this.#batches = batches;
    this.#classes = classes;
    const voxels = options.patch[0] * options.patch[1] * options.patch[2] * options.batch;
    this.#image = new Float32Array(voxels * cases[0]!.channels);
    this.#labels = new Uint8Array(voxels);
    this.#prediction = new Uint8Array(voxels);
  }

  async run(): Promise<Validation> {
    const counts = new DiceCounts(this.#classes);
    const { batch } = this.#options;
    const imageSize = this.#image.length / batch;
    const labelSize = this.#labels.length / batch;
    let loss = 0;
    for (let b = 0; b < this.#batches; b++) {
      for (let n = 0; n < batch; n++) {
        makeSample(
          this.#cases,
          this.#options,
          b,
          n,
          this.#image.subarray(n * imageSize, (n + 1) * imageSize),
          this.#labels.subarray(n * labelSize, (n + 1) * labelSize),
        );
      }
      const outputs = await this.#executable.run(
        { image: this.#image, labels: this.#labels },
        {},
        { into: { prediction: this.#prediction } },
      );
      loss += outputs['loss']![0]!;
      counts.add(this.#prediction, this.#labels);
    }
    return { loss: loss / this.#batches, dice: counts.dice() };
  }
}
