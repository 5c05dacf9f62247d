/**
 * Training steps on whole volumes: reads images and their label map, pads them with zeros to what the network divides, and
 * runs steps of the partially reversible U-Net. Prints one line of JSON: planned and resident bytes, seconds, losses, and
 * what the same network would need if everything was kept.
 *
 *   node tools/bench/memory/whole-volume.mjs --images ct.nii.gz --labels liver.nii.gz --base 32 --blocks 3
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { normalise, padToShape, readNifti, toCanonical } from '@revoxel/imaging';
import { modelLimits, trainingStep } from '@revoxel/models';
import { createBackend } from '@revoxel/native-cpu';
import { compile } from '@revoxel/runtime';

const { values: options } = parseArgs({
  options: {
    images: { type: 'string' },
    labels: { type: 'string' },
    base: { type: 'string', default: '32' },
    blocks: { type: 'string', default: '1' },
    stream: { type: 'string', default: 'q16' },
    memory: { type: 'string', default: 'invert' },
    budget: { type: 'string' },
    steps: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
  },
});
const read = async (file) => toCanonical(await readNifti(file)).volume;
const images = await Promise.all(options.images.split(',').map(read));
const labelMap = await read(options.labels);
const classes = 1 + labelMap.data.reduce((most, v) => Math.max(most, v), 0);

const model = {
  kind: 'partially-reversible-unet3d',
  classes,
  baseChannels: Number(options.base),
  blocks: Number(options.blocks),
  stream: options.stream,
};
const { divisor } = modelLimits(model);
const shape = images[0].shape;
const patch = shape.map((size, axis) => Math.ceil(size / divisor[axis]) * divisor[axis]);
const voxels = patch.reduce((p, s) => p * s, 1);

const image = new Float32Array(images.length * voxels);
images.forEach((volume, c) => {
  const scaled = normalise(volume, [{ kind: 'zscore', useMask: false }]);
  image.set(padToShape(scaled, patch).volume.data, c * voxels);
});
const labels = Uint8Array.from(padToShape(labelMap, patch).volume.data);

const backend = await createBackend({ threads: Number(options.threads) });
const graph = trainingStep({ model, inChannels: images.length, batch: 1, patch, optimizer: { kind: 'adamw' } });
const budget = options.budget === undefined ? {} : { budgetBytes: Number(options.budget) * 2 ** 30 };
const plan = compile(graph, backend.profile, { memory: options.memory, ...budget });
const keep = compile(graph, backend.profile, { memory: 'keep' });
const everything = compile(graph, backend.profile, { memory: 'keep', cheap: false });
const session = await backend.createSession({ seed: 0 });
const executable = await session.load(plan);
const [losses, seconds] = [[], []];
for (let step = 0; step < Number(options.steps); step++) {
  const start = performance.now();
  const { loss } = await executable.run({ image, labels }, { lr: 0.001, step });
  losses.push(loss[0]);
  seconds.push((performance.now() - start) / 1000);
}
const gib = (bytes) => Number((bytes / 2 ** 30).toFixed(3));
console.log(
  JSON.stringify({
    shape,
    patch,
    channels: images.length,
    model,
    memory: options.memory,
    plannedGiB: gib(plan.memory.peakBytes),
    residentGiB: gib(session.memory().residentBytes),
    plannedBytes: plan.memory.peakBytes,
    residentBytes: session.memory().residentBytes,
    keepGiB: gib(keep.memory.peakBytes),
    keepEverythingGiB: gib(everything.memory.peakBytes),
    machineGiB: gib(os.totalmem()),
    teraflop: Number((plan.flops / 1e12).toFixed(2)),
    extraFlops: Number((plan.choice.extraFlops / (plan.flops - plan.choice.extraFlops)).toFixed(3)),
    seconds: seconds.map((s) => Number(s.toFixed(1))),
    losses,
  }),
);
session.dispose();
