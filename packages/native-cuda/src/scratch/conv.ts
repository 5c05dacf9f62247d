/** Scratch of the conv kernels: the mirror of what native/ops checks. */

import type { ScratchTable } from './table.js';

export const CONV_SCRATCH: ScratchTable = {};
