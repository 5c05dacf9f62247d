export { createBackend, liveBytes, probe, type CudaBackend, type CudaOptions } from './backend.js';
export type { CudaDevice, ExecuteOptions } from './addon.js';
export { DEVICES, deviceByName, type DeviceTraits } from './device.js';
export { cudaProfile } from './profile.js';
export { CudaSession } from './session.js';
