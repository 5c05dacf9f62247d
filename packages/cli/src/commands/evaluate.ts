/** `revoxel evaluate`: Dice of predictions against references. */
import { evaluate, type Evaluation } from '@revoxel/training';
import { z } from 'zod';
import type { CommandRun } from '../options.js';
import { diceText, table } from '../output.js';
import { parse } from '../schema.js';

const schema = z.looseObject({ prediction: z.string(), reference: z.string() });

export const command: CommandRun = async (input, { output }) => {
  const { prediction, reference } = parse(schema, input);
  const result = await evaluate(prediction, reference);
  output.result(result, () => evaluationTable(result));
  return undefined;
};

/** Cases down, labels across, means in the last row. */
export function evaluationTable({ cases, mean }: Evaluation, names: Readonly<Record<string, string>> = {}): string {
  const labels = Object.keys(mean.labels);
  const average = (scores: readonly (number | null | undefined)[]): number | null => {
    const known = scores.filter((s): s is number => s !== null && s !== undefined);
    return known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length;
  };
  return table([
    ['Dice', ...labels.map((label) => names[label] ?? label), 'mean'],
    ...cases.map((c) => [
      c.id,
      ...labels.map((label) => diceText(c.labels[label]?.dice)),
      diceText(average(labels.map((label) => c.labels[label]?.dice))),
    ]),
    ['mean', ...labels.map((label) => diceText(mean.labels[label]?.dice)), diceText(mean.dice)],
  ]);
}
