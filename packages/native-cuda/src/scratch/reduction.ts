/** Scratch of the reduction kernels: the mirror of what native/ops checks. */

import type { ScratchTable } from './table.js';

export const REDUCTION_SCRATCH: ScratchTable = {};
