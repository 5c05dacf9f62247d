/**
 * The memory of a session that lives in JavaScript: buffers for the segments, and views into them. The persistent
 * segment is a list of chunks, one per load, so that it grows without moving; a value never crosses two chunks.
 * `MemoryMap` is plain data that may be posted to a worker when its buffers are shared.
 */

import { OutOfMemoryError, internal } from '../../errors.js';
import { hostView, type DType, type HostArray } from '../../graph/dtype.js';
import type { Segment } from '../../plan/plan.js';

/** Buffers of all segments. */
export interface MemoryMap {
  readonly persistent: readonly { readonly start: number; readonly buffer: ArrayBufferLike }[];
  readonly transient: ArrayBufferLike;
  readonly step: ArrayBufferLike;
  readonly return: ArrayBufferLike;
}

/** A typed array over `length` elements at a byte offset of a segment. */
export function viewOf(map: MemoryMap, segment: Segment, dtype: DType, offset: number, length: number): HostArray {
  if (segment !== 'persistent') return hostView(dtype, map[segment], offset, length);
  const chunk = map.persistent.findLast((c) => c.start <= offset) ?? internal(`no persistent memory at byte ${offset}`);
  return hostView(dtype, chunk.buffer, offset - chunk.start, length);
}

export class HostMemory {
  private readonly chunks: { start: number; buffer: ArrayBufferLike }[] = [];
  private persistentBytes = 0;
  private transient: ArrayBufferLike;
  private step: ArrayBufferLike;
  private returned: ArrayBufferLike;
  /** Grows with every change of the map. */
  version = 0;

  /** @param allocate - gives zeroed memory, shared between threads or not. */
  constructor(private readonly allocate: (bytes: number) => ArrayBufferLike) {
    this.transient = allocate(0);
    this.step = allocate(0);
    this.returned = allocate(0);
  }

  /** The buffers as they are now; what was given earlier stays valid for persistent values only. */
  map(): MemoryMap {
    return { persistent: [...this.chunks], transient: this.transient, step: this.step, return: this.returned };
  }

  /** Bytes beside the persistent and transient segments. */
  get otherBytes(): number {
    return this.step.byteLength + this.returned.byteLength;
  }

  ensurePersistent(bytes: number): void {
    if (bytes <= this.persistentBytes) return;
    const buffer = this.get(bytes - this.persistentBytes);
    this.chunks.push({ start: this.persistentBytes, buffer });
    this.persistentBytes = bytes;
  }

  ensureTransient(bytes: number): void {
    if (bytes <= this.transient.byteLength) return;
    // Let the old buffer go first: at the moment of growth only one of the two should be mapped.
    this.transient = this.allocate(0);
    this.transient = this.get(bytes);
  }

  ensureBlocks(stepBytes: number, returnBytes: number): void {
    if (stepBytes > this.step.byteLength) this.step = this.get(stepBytes);
    if (returnBytes > this.returned.byteLength) this.returned = this.get(returnBytes);
  }

  /** Forget all buffers. */
  release(): void {
    this.chunks.length = 0;
    this.persistentBytes = 0;
    this.transient = this.step = this.returned = this.allocate(0);
    this.version++;
  }

  private get(bytes: number): ArrayBufferLike {
    this.version++;
    try {
      return this.allocate(bytes);
    } catch (cause) {
      throw new OutOfMemoryError(bytes, 0, 'the system gives no buffer of this size; use a smaller patch or batch', {
        cause,
      });
    }
  }
}
