/**
 * One slice of a volume as SVG: the image in grey as an embedded PNG, contours of reference and prediction over it.
 * Contours by marching squares (d3-contour), PNG by pngjs. Not here: which slice is worth showing (choose-slice.ts).
 */

import { contours } from 'd3-contour';
import { PNG } from 'pngjs';

/** A slice to show; all arrays `[height, width]`, C order. */
export interface SliceView {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  /** Intensities, any unit; shown from the 1st to the 99th percentile. */
  readonly image: ArrayLike<number>;
  /** Label maps; missing ones are left out. */
  readonly reference?: ArrayLike<number>;
  readonly prediction?: ArrayLike<number>;
  /** Millimetres per pixel along height and width: the slice is drawn in its true proportions. */
  readonly spacing: readonly [number, number];
}

/** Contour colours of labels 1, 2, ... (Okabe and Ito's palette, told apart by colour-blind readers too). */
export const LABEL_COLOURS = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#d55e00', '#cc79a7', '#0072b2'] as const;

export function labelColour(label: number): string {
  return LABEL_COLOURS[(label - 1) % LABEL_COLOURS.length]!;
}

/**
 * Draw a slice. @param boxWidth - width of the drawing in SVG units; the height follows from the slice's proportions.
 * @returns the SVG group (placed at 0, 0) and its height.
 */
export function sliceSvg(view: SliceView, boxWidth: number): { readonly svg: string; readonly height: number } {
  const { width, height, spacing } = view;
  const scaleX = boxWidth / width;
  const scaleY = (scaleX * spacing[0]) / spacing[1];
  const parts = [
    `<text x="0" y="12" class="title">${escapeXml(view.title)}</text>`,
    `<g transform="translate(0 18) scale(${round(scaleX)} ${round(scaleY)})">`,
    `<image width="${width}" height="${height}" preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,${greyPng(view).toString('base64')}"/>`,
  ];
  const outline = (labels: ArrayLike<number> | undefined, style: string): void => {
    if (!labels) return;
    for (const label of labelsIn(labels)) {
      const d = outlinePath(labels, label, width, height);
      parts.push(
        `<path d="${d}" fill="none" stroke="${labelColour(label)}" vector-effect="non-scaling-stroke" ${style}/>`,
      );
    }
  };
  outline(view.reference, 'stroke-width="1.2" stroke-dasharray="3 2"');
  outline(view.prediction, 'stroke-width="1.6"');
  parts.push('</g>');
  return { svg: parts.join('\n'), height: 18 + height * scaleY };
}

function labelsIn(labels: ArrayLike<number>): number[] {
  const found = new Set<number>();
  for (let i = 0; i < labels.length; i++) if (labels[i]! > 0) found.add(labels[i]!);
  return [...found].sort((a, b) => a - b);
}

function outlinePath(labels: ArrayLike<number>, label: number, width: number, height: number): string {
  const mask = Array.from({ length: width * height }, (_, i) => (labels[i] === label ? 1 : 0));
  const { coordinates } = contours().size([width, height]).smooth(false).contour(mask, 0.5);
  return coordinates
    .flatMap((polygon) => polygon)
    .map((ring) => `M${ring.map(([x, y]) => `${round(x!)} ${round(y!)}`).join('L')}Z`)
    .join('');
}

function greyPng({ image, width, height }: SliceView): Buffer {
  const sorted = Float64Array.from(image).sort();
  const low = sorted[Math.floor((sorted.length - 1) * 0.01)]!;
  const high = sorted[Math.ceil((sorted.length - 1) * 0.99)]!;
  const png = new PNG({ width, height, colorType: 0, inputColorType: 0, inputHasAlpha: false });
  const grey = Buffer.alloc(width * height);
  const range = high > low ? high - low : 1;
  for (let i = 0; i < grey.length; i++)
    grey[i] = Math.max(0, Math.min(255, Math.round((255 * (image[i]! - low)) / range)));
  png.data = grey;
  return PNG.sync.write(png, { colorType: 0, inputColorType: 0, inputHasAlpha: false, bitDepth: 8 });
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export function round(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}
