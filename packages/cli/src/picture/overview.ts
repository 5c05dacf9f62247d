/** The picture of a run: slices with contours above, curves of loss and Dice below; one self-contained SVG file. */

import { chartSvg, type Chart } from './curve-svg.js';
import { escapeXml, labelColour, round, sliceSvg, type SliceView } from './slice-svg.js';

export interface Overview {
  readonly title: string;
  readonly slices: readonly SliceView[];
  readonly charts: readonly Chart[];
  /** Names of labels 1, 2, ... for the legend. */
  readonly labels: readonly string[];
}

const PAD = 16;
const SLICE_WIDTH = 220;
const CHART_HEIGHT = 200;

/** Render the picture. @returns SVG text. */
export function overviewSvg(overview: Overview): string {
  const drawn = overview.slices.map((view) => sliceSvg(view, SLICE_WIDTH));
  const columns = Math.max(drawn.length, 3);
  const width = PAD + columns * (SLICE_WIDTH + PAD);
  const sliceHeight = Math.max(0, ...drawn.map((d) => d.height));
  const slicesTop = 64;
  const chartsTop = slicesTop + sliceHeight + PAD;
  const chartCount = Math.max(overview.charts.length, 1);
  const chartWidth = (width - PAD * (chartCount + 1)) / chartCount;
  const height = chartsTop + (overview.charts.length > 0 ? CHART_HEIGHT + PAD : 0);
  const legend = overview.labels
    .map((name, i) => `<tspan fill="${labelColour(i + 1)}" dx="${i === 0 ? 0 : 10}">${escapeXml(name)}</tspan>`)
    .join('');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}" font-family="system-ui, sans-serif">`,
    '<style>.title{font-size:11px;fill:#222}.tick{font-size:10px;fill:#555}.grid{stroke:#ddd;stroke-width:1}</style>',
    '<rect width="100%" height="100%" fill="white"/>',
    `<text x="${PAD}" y="26" font-size="16" fill="#111">${escapeXml(overview.title)}</text>`,
    `<text x="${PAD}" y="46" class="tick">prediction solid, reference dashed:<tspan dx="8"/>${legend}</text>`,
    ...drawn.map(({ svg }, i) => `<g transform="translate(${PAD + i * (SLICE_WIDTH + PAD)} ${slicesTop})">${svg}</g>`),
    ...overview.charts.map(
      (chart, i) =>
        `<g transform="translate(${round(PAD + i * (chartWidth + PAD))} ${round(chartsTop)})">${chartSvg(chart, chartWidth, CHART_HEIGHT)}</g>`,
    ),
    '</svg>',
    '',
  ].join('\n');
}
