/** Scratch of the norm kernels: the mirror of what native/ops checks. */

import type { ScratchTable } from './table.js';

export const NORM_SCRATCH: ScratchTable = {};
