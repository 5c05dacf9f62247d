/**
 * Memory of batches, and making a sample into its place there.
 */
import type { Slot } from './messages.js';
import type { PatchCase } from './patch-case.js';
import { makeSample } from './sample.js';
import type { SampleOptions } from './sample.js';

/** A batch's memory, shared between threads, zero-filled. */
export function allocateSlot(options: SampleOptions, channels: number): Slot {
  const voxels = options.batch * options.patch[0] * options.patch[1] * options.patch[2];
  return {
    image: new Float32Array(new SharedArrayBuffer(4 * channels * voxels)),
    label: new Uint8Array(new SharedArrayBuffer(voxels)),
  };
}

/**
 * `makeSample` into sample `sample` of a batch.
 *
 * @returns index of the case it was cut from.
 */
export function makeSampleInto(
  slot: Slot,
  cases: readonly PatchCase[],
  options: SampleOptions,
  step: number,
  sample: number,
): number {
  const image = slot.image.length / options.batch;
  const label = slot.label.length / options.batch;
  return makeSample(
    cases,
    options,
    step,
    sample,
    slot.image.subarray(sample * image, (sample + 1) * image),
    slot.label.subarray(sample * label, (sample + 1) * label),
  );
}
