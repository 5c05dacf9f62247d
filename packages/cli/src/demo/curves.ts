/** A line chart as SVG elements: axes with ticks, one line per series. No interaction, no style sheet. */
import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';

/** One line of a chart. */
export interface Series {
  readonly name: string;
  readonly color: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Where a chart lies and what it shows. */
export interface ChartOptions {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly xLabel: string;
  readonly series: readonly Series[];
  /** Fixed range of the y axis; default: that of the points. */
  readonly yRange?: readonly [number, number];
}

const MARGIN = { left: 44, right: 12, top: 26, bottom: 34 };

/** The chart as SVG text. */
export function chart({ x, y, width, height, title, xLabel, series, yRange }: ChartOptions): string {
  const all = series.flatMap((s) => s.points);
  const extent = (values: readonly number[]): [number, number] =>
    values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)];
  const xs = scaleLinear(extent(all.map((p) => p[0])), [MARGIN.left, width - MARGIN.right]);
  const ys = scaleLinear(yRange ? [...yRange] : extent(all.map((p) => p[1])), [height - MARGIN.bottom, MARGIN.top]);
  if (!yRange) ys.nice();
  const path = line<readonly [number, number]>(
    (p) => xs(p[0]),
    (p) => ys(p[1]),
  );
  const parts = [
    `<text x="${MARGIN.left}" y="15" font-weight="bold">${escape(title)}</text>`,
    ...ys
      .ticks(5)
      .map(
        (v) =>
          `<line x1="${MARGIN.left}" x2="${width - MARGIN.right}" y1="${round(ys(v))}" y2="${round(ys(v))}" stroke="#ddd"/><text x="${MARGIN.left - 6}" y="${round(ys(v)) + 4}" text-anchor="end">${v}</text>`,
      ),
    ...xs
      .ticks(5)
      .map((v) => `<text x="${round(xs(v))}" y="${height - MARGIN.bottom + 15}" text-anchor="middle">${v}</text>`),
    `<text x="${(MARGIN.left + width - MARGIN.right) / 2}" y="${height - 4}" text-anchor="middle">${escape(xLabel)}</text>`,
    ...series.map((s) => `<path d="${path([...s.points]) ?? ''}" fill="none" stroke="${s.color}" stroke-width="1.5"/>`),
    ...series.map(
      (s, i) =>
        `<text x="${width - MARGIN.right}" y="${15 + 13 * i}" text-anchor="end" fill="${s.color}">${escape(s.name)}</text>`,
    ),
  ];
  return `<g transform="translate(${x},${y})" font-family="sans-serif" font-size="11">${parts.join('')}</g>`;
}

/** Text that can stand in XML. */
export function escape(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);
}

function round(v: number): number {
  return Math.round(v * 10) / 10;
}
