/** A small line chart as SVG: axes with round ticks (d3-scale), one path a series (d3-shape). */

import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import { escapeXml, round } from './slice-svg.js';

export interface Series {
  readonly name: string;
  readonly colour: string;
  /** Points in order of x; y that is not finite is left out. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly series: readonly Series[];
  /** Fixed range of y; default: that of the points, rounded outwards. */
  readonly yRange?: readonly [number, number];
}

const MARGIN = { left: 44, right: 8, top: 22, bottom: 30 } as const;

/** Draw a chart into a box of the given size. @returns an SVG group placed at 0, 0. */
export function chartSvg(chart: Chart, width: number, height: number): string {
  const series = chart.series.map((s) => ({
    ...s,
    points: s.points.filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y)),
  }));
  const all = series.flatMap((s) => s.points);
  const extent = (values: number[]): [number, number] =>
    values.length > 0 ? [Math.min(...values), Math.max(...values)] : [0, 1];
  const x = scaleLinear(extent(all.map((p) => p.x)), [MARGIN.left, width - MARGIN.right]);
  const y = scaleLinear([...(chart.yRange ?? extent(all.map((p) => p.y)))], [height - MARGIN.bottom, MARGIN.top]);
  if (!chart.yRange) y.nice();
  const parts = [`<text x="${MARGIN.left}" y="13" class="title">${escapeXml(chart.title)}</text>`];
  for (const tick of y.ticks(5)) {
    parts.push(
      `<line x1="${MARGIN.left}" x2="${width - MARGIN.right}" y1="${round(y(tick))}" y2="${round(y(tick))}" class="grid"/>`,
    );
    parts.push(
      `<text x="${MARGIN.left - 5}" y="${round(y(tick) + 3)}" class="tick" text-anchor="end">${y.tickFormat(5)(tick)}</text>`,
    );
  }
  for (const tick of x.ticks(5)) {
    parts.push(
      `<text x="${round(x(tick))}" y="${height - MARGIN.bottom + 13}" class="tick" text-anchor="middle">${x.tickFormat(5)(tick)}</text>`,
    );
  }
  parts.push(
    `<text x="${round((MARGIN.left + width - MARGIN.right) / 2)}" y="${height - 4}" class="tick" text-anchor="middle">${escapeXml(chart.xLabel)}</text>`,
  );
  const path = line<{ readonly x: number; readonly y: number }>(
    (p) => x(p.x),
    (p) => y(p.y),
  );
  series.forEach((s, i) => {
    const d = path(s.points);
    if (d) parts.push(`<path d="${d}" fill="none" stroke="${s.colour}" stroke-width="1.5"/>`);
    parts.push(
      `<text x="${width - MARGIN.right}" y="${MARGIN.top + 12 * (i + 1)}" class="tick" text-anchor="end" fill="${s.colour}">${escapeXml(s.name)}</text>`,
    );
  });
  return parts.join('\n');
}
