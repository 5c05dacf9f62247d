/** Checks shared by operations on a label map: u8 `[N, 1, ...]` beside scores `[N, C, ...]`. */

import type { TensorType } from './op.js';

export function checkLabels(
  scores: TensorType | undefined,
  labels: TensorType | undefined,
  fail: (detail: string) => never,
): void {
  if (!scores || !labels) return fail('expects scores and labels');
  if (labels.dtype !== 'u8') fail(`labels must be u8, got ${labels.dtype}`);
  const want = [scores.shape[0], 1, ...scores.shape.slice(2)];
  if (labels.shape.length !== want.length || labels.shape.some((s, i) => s !== want[i])) {
    fail(`labels must be [${want.join(', ')}], got [${labels.shape.join(', ')}]`);
  }
  if (scores.shape[1]! > 255) fail('at most 255 classes fit u8 labels');
}
