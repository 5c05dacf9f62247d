/**
 * Offsets for buffers with known lifetimes (dynamic storage allocation, offline). Buffers are placed one by one at the
 * lowest offset that is free during their whole life; several orders are tried and the lowest peak wins.
 * @see Pisarchyk and Lee 2020 (arXiv 2001.03288) for the greedy orders
 */

/** A block of bytes that lives from step `begin` to step `end`, both included. */
export interface Lifetime {
  readonly begin: number;
  readonly end: number;
  readonly bytes: number;
}

export interface Layout {
  readonly offsets: readonly number[];
  readonly peakBytes: number;
}

/** Bytes live at every step; its maximum is a lower bound for any layout. */
export function liveBytes(blocks: readonly Lifetime[], steps: number, alignment: number): Float64Array {
  const change = new Float64Array(steps + 1);
  for (const { begin, end, bytes } of blocks) {
    const size = alignUp(bytes, alignment);
    change[begin]! += size;
    change[end + 1]! -= size;
  }
  for (let i = 1; i < change.length; i++) change[i]! += change[i - 1]!;
  return change.subarray(0, steps);
}

export function alignUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** Lay out blocks so that those whose lives overlap do not overlap in memory. */
export function layOut(blocks: readonly Lifetime[], alignment: number): Layout {
  const indices = blocks.map((_, i) => i);
  const length = (b: Lifetime): number => b.end - b.begin + 1;
  const orders: ((a: Lifetime, b: Lifetime) => number)[] = [
    (a, b) => b.bytes - a.bytes || length(b) - length(a) || a.begin - b.begin,
    (a, b) => b.bytes * length(b) - a.bytes * length(a) || a.begin - b.begin,
    (a, b) => length(b) - length(a) || b.bytes - a.bytes,
    (a, b) => a.begin - b.begin || b.end - a.end || b.bytes - a.bytes,
    (a, b) => b.end - a.end || a.begin - b.begin || b.bytes - a.bytes,
  ];
  let best: Layout | undefined;
  for (const order of orders) {
    const layout = place(
      blocks,
      [...indices].sort((i, j) => order(blocks[i]!, blocks[j]!) || i - j),
      alignment,
    );
    if (!best || layout.peakBytes < best.peakBytes) best = layout;
  }
  return best ?? { offsets: [], peakBytes: 0 };
}

function place(blocks: readonly Lifetime[], order: readonly number[], alignment: number): Layout {
  const offsets = new Array<number>(blocks.length).fill(0);
  const placed: number[] = []; // by offset
  let peakBytes = 0;
  for (const i of order) {
    const block = blocks[i]!;
    const size = alignUp(block.bytes, alignment);
    let offset = 0;
    for (const j of placed) {
      const other = blocks[j]!;
      if (other.end < block.begin || other.begin > block.end) continue;
      if (offsets[j]! >= offset + size) break;
      offset = Math.max(offset, offsets[j]! + alignUp(other.bytes, alignment));
    }
    offsets[i] = offset;
    let at = placed.length;
    while (at > 0 && offsets[placed[at - 1]!]! > offset) at--;
    placed.splice(at, 0, i);
    peakBytes = Math.max(peakBytes, offset + size);
  }
  return { offsets, peakBytes };
}
