/** Scratch of the spatial kernels: the mirror of what native/ops checks. */

import type { ScratchTable } from './table.js';

export const SPATIAL_SCRATCH: ScratchTable = {};
