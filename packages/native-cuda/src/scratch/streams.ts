/** Scratch of the streams kernels: the mirror of what native/ops checks. */

import type { ScratchTable } from './table.js';

export const STREAMS_SCRATCH: ScratchTable = {};
