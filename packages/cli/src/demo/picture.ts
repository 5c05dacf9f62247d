/**
 * The picture of a demo run: per unseen case the fullest axial slice with the borders of prediction and reference, and the
 * curves of the training. One SVG file that needs nothing else.
 */
import { readNifti, toCanonical, type Volume } from '@revoxel/imaging';
import { readLog, runPaths, type EpochRecord, type LabelName, type StepRecord } from '@revoxel/training';
import { chart, escape, type Series } from './curves.js';
import { axialPlane, borderPath, fullestPlane, greyPng } from './slices.js';

/** Files of one case. */
export interface PictureCase {
  readonly id: string;
  readonly image: string;
  readonly reference: string;
  readonly prediction: string;
  /** Mean Dice, for the caption. */
  readonly dice: number | null;
}

/** One colour per label; more labels start again. */
const COLORS = ['#ff8c00', '#00b7ff', '#7cfc00', '#ff4fd8', '#ffe600', '#b388ff'] as const;
const TILE = 220;
const GAP = 12;
const CHART_HEIGHT = 240;

/** Colour of a label value above 0. */
export function labelColor(value: number): string {
  return COLORS[(value - 1) % COLORS.length]!;
}

/**
 * Draw a run.
 *
 * @param run - run folder; its log gives the curves.
 * @returns the SVG file's text.
 */
export async function drawRun(
  run: string,
  cases: readonly PictureCase[],
  labels: readonly LabelName[],
): Promise<string> {
  const foreground = labels.filter((l) => l.value > 0);
  const records = await readLog(runPaths(run));
  const steps = records.filter((r): r is StepRecord => r.type === 'step');
  const epochs = records.filter((r): r is EpochRecord => r.type === 'epoch');
  const width = Math.max(cases.length, 3) * (TILE + GAP) + GAP;
  const tiles: string[] = [];
  for (const [i, one] of cases.entries()) tiles.push(await tile(one, GAP + i * (TILE + GAP), 40, foreground));

  const half = (width - 3 * GAP) / 2;
  const top = 40 + TILE + 34;
  const loss: Series[] = [
    { name: 'training', color: '#888888', points: smooth(steps.map((s) => [s.step, s.loss])) },
    { name: 'validation', color: '#d62728', points: points(epochs, (e) => e.validationLoss) },
  ];
  const dice: Series[] = foreground.map(({ value, name }) => ({
    name,
    color: labelColor(value),
    points: points(epochs, (e) => e.labels[String(value)] ?? null),
  }));
  const legend = foreground
    .map(({ value, name }) => `<tspan fill="${labelColor(value)}">${escape(name)}</tspan>`)
    .join(', ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top + CHART_HEIGHT + GAP}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="${GAP}" y="24">Unseen cases: ${legend}. Line: prediction, area: reference.</text>`,
    ...tiles,
    chart({ x: GAP, y: top, width: half, height: CHART_HEIGHT, title: 'Loss', xLabel: 'step', series: loss }),
    chart({
      x: 2 * GAP + half,
      y: top,
      width: half,
      height: CHART_HEIGHT,
      title: 'Dice on validation patches',
      xLabel: 'step',
      series: dice,
      yRange: [0, 1],
    }),
    '</svg>',
    '',
  ].join('\n');
}

async function tile(
  { id, image, reference, prediction, dice }: PictureCase,
  x: number,
  y: number,
  labels: readonly LabelName[],
): Promise<string> {
  const load = async (file: string): Promise<Volume> => toCanonical(await readNifti(file)).volume;
  const [grey, truth, guess] = [await load(image), await load(reference), await load(prediction)];
  const d = fullestPlane(truth);
  const plane = axialPlane(grey, d);
  // One factor for both axes, in millimetres: voxels need not be square.
  const [, sh, sw] = grey.spacing;
  const fit = Math.min(TILE / (plane.width * sw), TILE / (plane.height * sh));
  const scale: [number, number] = [fit * sw, fit * sh];
  const paths = (volume: Volume, style: (color: string) => string): string =>
    labels
      .map(
        ({ value }) =>
          `<path class="${volume === truth ? 'reference' : 'prediction'}" d="${borderPath(axialPlane(volume, d), value, scale)}" ${style(labelColor(value))}/>`,
      )
      .join('');
  return [
    `<g transform="translate(${x},${y})">`,
    `<image width="${(plane.width * scale[0]).toFixed(1)}" height="${(plane.height * scale[1]).toFixed(1)}" preserveAspectRatio="none" href="${greyPng(plane)}"/>`,
    paths(truth, (color) => `fill="${color}" fill-opacity="0.3"`),
    paths(guess, (color) => `fill="none" stroke="${color}" stroke-width="1.6"`),
    `<text y="${TILE + 16}">${escape(id)}: Dice ${dice === null ? '-' : dice.toFixed(3)}</text>`,
    '</g>',
  ].join('');
}

function points(epochs: readonly EpochRecord[], value: (e: EpochRecord) => number | null): [number, number][] {
  return epochs.flatMap((e) => {
    const v = value(e);
    return v === null ? [] : [[e.step, v] as [number, number]];
  });
}

/** Mean over a fiftieth of the run: single steps are noisy. */
function smooth(raw: readonly (readonly [number, number])[]): [number, number][] {
  const window = Math.max(1, Math.round(raw.length / 50));
  const out: [number, number][] = [];
  for (let i = 0; i + window <= raw.length; i += window) {
    const part = raw.slice(i, i + window);
    out.push([part[part.length - 1]![0], part.reduce((sum, p) => sum + p[1], 0) / window]);
  }
  return out;
}
