export { createBackend, liveBytes, probe, type CpuBackend, type CpuOptions } from './backend.js';
export { cpuProfile, type OnednnChoice } from './profile.js';
export { CpuSession } from './session.js';
export type { PlanTimings } from '@revoxel/runtime';
