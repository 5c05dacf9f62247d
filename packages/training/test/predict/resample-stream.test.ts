/** Plane-wise resampling against whole-volume resampling of @revoxel/imaging. */
import { makeVolume, resampleToShape, type Triple } from '@revoxel/imaging';
import { describe, expect, it } from 'vitest';
import { ResampleStream } from '../../src/predict/resample-stream.js';

function wave(shape: Triple, channels: number): Float32Array {
  return Float32Array.from(
    { length: channels * shape[0] * shape[1] * shape[2] },
    (_, i) => Math.sin(0.37 * i) + 0.1 * Math.cos(1.3 * i),
  );
}

/** Streams a volume in groups of planes and collects the result, `[channels, ...outputs]`. */
function stream(
  data: Float32Array,
  channels: number,
  inputs: Triple,
  outputs: Triple,
  group: number,
  nearestAxis?: 0 | 1 | 2,
): Float32Array {
  const result = new Float32Array(channels * outputs[0] * outputs[1] * outputs[2]);
  const area = outputs[1] * outputs[2];
  const order: number[] = [];
  const s = new ResampleStream(
    inputs,
    outputs,
    channels,
    (plane, z) => {
      order.push(z);
      for (let c = 0; c < channels; c++)
        result.set(plane.subarray(c * area, (c + 1) * area), (c * outputs[0] + z) * area);
    },
    nearestAxis,
  );
  const inArea = inputs[1] * inputs[2];
  for (let z = 0; z < inputs[0]; z += group) {
    const count = Math.min(group, inputs[0] - z);
    const planes = new Float32Array(channels * count * inArea);
    for (let c = 0; c < channels; c++)
      planes.set(data.subarray((c * inputs[0] + z) * inArea, (c * inputs[0] + z + count) * inArea), c * count * inArea);
    s.push(planes, count);
  }
  expect(order).toEqual(Array.from({ length: outputs[0] }, (_, i) => i));
  return result;
}

describe('ResampleStream', () => {
  it.each<[Triple, Triple]>([
    [
      [5, 6, 7],
      [5, 6, 7],
    ],
    [
      [5, 6, 7],
      [9, 11, 4],
    ],
    [
      [8, 6, 7],
      [3, 6, 15],
    ],
    [
      [1, 6, 7],
      [4, 3, 7],
    ],
    [
      [6, 5, 4],
      [1, 5, 4],
    ],
  ])('%j to %j: as the whole volume at once, however the planes come', (inputs, outputs) => {
    const data = wave(inputs, 2);
    const whole = resampleToShape(makeVolume({ data, channels: 2, shape: inputs, spacing: [1, 1, 1] }), outputs, {
      order: 1,
      separateZ: false,
    });
    for (const group of [1, 2, 5]) {
      const got = stream(data, 2, inputs, outputs, group);
      got.forEach((v, i) => expect(v).toBeCloseTo(whole.data[i]!, 5));
    }
  });

  it('takes the nearest plane of thick slices', () => {
    const data = wave([3, 4, 5], 1);
    const got = stream(data, 1, [3, 4, 5], [6, 4, 5], 1, 0);
    for (let z = 0; z < 6; z++)
      expect(got.subarray(z * 20, (z + 1) * 20)).toEqual(
        data.subarray(Math.floor(z / 2) * 20, Math.floor(z / 2) * 20 + 20),
      );
  });

  it('refuses planes of another size', () => {
    const s = new ResampleStream([2, 2, 2], [2, 2, 2], 1, () => undefined);
    expect(() => s.push(new Float32Array(5), 1)).toThrow(
      'Expected 1 x at most 2 planes of 4 voxels for `planes`, got 5 numbers for 1',
    );
  });
});
