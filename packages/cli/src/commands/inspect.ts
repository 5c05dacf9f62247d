/** `revoxel inspect FILE`: what is in a NIfTI file. */
import { describe, readNifti, type VolumeDescription } from '@revoxel/imaging';
import { z } from 'zod';
import type { CommandRun } from '../options.js';
import { table } from '../output.js';
import { parse } from '../schema.js';

const schema = z.looseObject({ file: z.string() });

export const command: CommandRun = async (input, { output }) => {
  const { file } = parse(schema, input);
  const description = describe(await readNifti(file));
  output.result({ file, ...description }, () => text(file, description));
  return undefined;
};

function text(file: string, d: VolumeDescription): string {
  const number = (v: number): string => (Number.isInteger(v) ? String(v) : v.toPrecision(6));
  const rows = [
    ['file', file],
    ['shape', `${d.shape.join(' x ')} voxels (D x H x W)${d.channels > 1 ? `, ${d.channels} channels` : ''}`],
    ['spacing', `${d.spacing.map(number).join(' x ')} mm`],
    ['extent', `${d.extent.map((v) => v.toFixed(1)).join(' x ')} mm`],
    ['orientation', d.orientation],
    ['type', d.type],
    [
      'values',
      `${number(d.min)} to ${number(d.max)}, mean ${number(d.mean)}${d.nonFinite > 0 ? `, ${d.nonFinite} not finite` : ''}`,
    ],
  ];
  const lines = rows.map(([name, value]) => `${name!.padEnd(12)}${value}`);
  // An integer image with many values is an image, not a label map.
  if (d.labels === undefined || d.labels.length > 64) return lines.join('\n');
  const labels = table([
    ['label', 'voxels', 'mL'],
    ...d.labels.map((l) => [String(l.label), String(l.voxels), l.ml.toFixed(2)]),
  ]);
  return `${lines.join('\n')}\n\n${labels}`;
}
