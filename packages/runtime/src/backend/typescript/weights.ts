/**
 * Packed convolution weights: float64, read in order by the inner loop, [group][output block][tap][input channel][4
 * output channels]. Output channels are filled up with zeros to a multiple of four. For `inputGrad` (transposed
 * convolutions) input and output change places and the taps are mirrored.
 */

import { elementCount } from '../../graph/shape.js';

/** Output channels of one group: what they read and where their weights are. */
export interface WeightGroup {
  readonly firstOut: number;
  readonly outs: number;
  readonly firstIn: number;
  readonly ins: number;
  /** Start of the group in the packed weights, in float64 elements. */
  readonly packed: number;
  /** First input channel of the plain weights that this group takes (`inputGrad` of a channel slice). */
  readonly local: number;
}

/** Groups of a convolution. */
export function forwardGroups(
  inChannels: number,
  outChannels: number,
  groups: number,
  taps: number,
): readonly WeightGroup[] {
  const ins = inChannels / groups;
  const outs = outChannels / groups;
  const size = ceil4(outs) * taps * ins;
  return Array.from({ length: groups }, (_, g) => ({
    firstOut: g * outs,
    outs,
    firstIn: g * ins,
    ins,
    packed: g * size,
    local: 0,
  }));
}

/** Groups of a transposed convolution for the channels begin ... begin + count - 1 of its result. */
export function transposedGroups(
  inChannels: number,
  outChannels: number,
  groups: number,
  taps: number,
  begin: number,
  count: number,
): readonly WeightGroup[] {
  const perGroup = inChannels / groups;
  const ins = outChannels / groups;
  const result: WeightGroup[] = [];
  let packed = 0;
  for (let g = 0; g < groups; g++) {
    const low = Math.max(g * perGroup, begin);
    const outs = Math.min((g + 1) * perGroup, begin + count) - low;
    if (outs <= 0) continue;
    result.push({ firstOut: low - begin, outs, firstIn: g * ins, ins, packed, local: low - g * perGroup });
    packed += ceil4(outs) * taps * ins;
  }
  return result;
}

/** Length of the packed weights in float64 elements. */
export function packedLength(groups: readonly WeightGroup[], taps: number): number {
  return groups.reduce((sum, g) => sum + ceil4(g.outs) * taps * g.ins, 0);
}

/**
 * Pack plain weights ([Co][taps][Ci / groups] in memory).
 * @param perGroup - Ci / groups of the plain weights.
 * @param part, parts - share of the output blocks of every group.
 */
export function packInto(
  target: Float64Array,
  begin: number,
  plain: { readonly [index: number]: number },
  form: 'forward' | 'inputGrad',
  groups: readonly WeightGroup[],
  kernel: readonly number[],
  perGroup: number,
  part: number,
  parts: number,
): void {
  const taps = elementCount(kernel);
  for (const g of groups) {
    const blockSize = 4 * taps * g.ins;
    for (let block = part; block * 4 < g.outs; block += parts) {
      let to = begin + g.packed + block * blockSize;
      for (let tap = 0; tap < taps; tap++) {
        for (let c = 0; c < g.ins; c++) {
          for (let j = 0; j < 4; j++, to++) {
            const o = block * 4 + j;
            if (o >= g.outs) target[to] = 0;
            else if (form === 'forward') target[to] = plain[((g.firstOut + o) * taps + tap) * perGroup + c]!;
            else target[to] = plain[((g.firstIn + c) * taps + (taps - 1 - tap)) * perGroup + g.local + o]!;
          }
        }
      }
    }
  }
}

export function ceil4(n: number): number {
  return Math.ceil(n / 4) * 4;
}
