/** `revoxel predict`: images to label maps. */
import { loadPredictor, predictFiles } from '@revoxel/training';
import { z } from 'zod';
import { chooseBackend } from '../backend.js';
import type { CommandRun } from '../options.js';
import { duration, mib, table } from '../output.js';
import { Progress } from '../progress.js';
import { backendOf, backendOptions, parse } from '../schema.js';

const schema = z.looseObject({
  run: z.string(),
  input: z.string(),
  output: z.string(),
  probabilities: z.boolean().optional(),
  tta: z.boolean().optional(),
  ...backendOptions,
});

export const command: CommandRun = async (input, { output, signal }) => {
  const o = parse(schema, input);
  const backend = await chooseBackend(backendOf(o), output);
  const progress = new Progress(output);
  try {
    using predictor = await loadPredictor(o.run, backend);
    const { persistentBytes, transientBytes } = predictor.memory();
    progress.show({
      kind: 'stage',
      text: `segmenting on ${backend.name}, tiles of ${predictor.plans.patch.join('x')}, ${mib(persistentBytes + transientBytes)}`,
    });
    const cases = await predictFiles(predictor, o.input, o.output, {
      run: o.run,
      signal,
      mirror: o.tta === true,
      probabilities: o.probabilities === true,
      onEvent: progress.show,
    });
    progress.stop();
    output.result({ backend: backend.name, cases }, () => {
      const { labels } = predictor.plans;
      return [
        table([
          ['case', ...labels.slice(1).map((l) => `${l.name} (voxels)`), 'seconds'],
          ...cases.map((c) => [
            c.id,
            ...labels.slice(1).map((l) => String(c.voxels[String(l.value)])),
            c.seconds.toFixed(1),
          ]),
        ]),
        `${cases.length} label map(s) in ${o.output}, ${duration(cases.reduce((sum, c) => sum + c.seconds, 0))}`,
      ].join('\n');
    });
  } finally {
    progress.stop();
  }
  return undefined;
};
