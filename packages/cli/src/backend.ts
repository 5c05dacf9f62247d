/** Loading a backend for a command, and saying which one it is. */
import { existsSync } from 'node:fs';
import { listBackends, loadBackend, type Backend } from '@revoxel/runtime';
import type { Output } from './output.js';

/** There where an NVIDIA driver is loaded. */
const NVIDIA = '/proc/driver/nvidia/version';

/**
 * Load a backend by name; with `auto`, one line says why a faster one was not taken.
 *
 * @throws BackendUnavailableError with reason and remedy when the named one cannot be used here.
 */
export async function chooseBackend(name = 'auto', output?: Output): Promise<Backend> {
  const options = { from: import.meta.url };
  const backend = await loadBackend(name, options);
  if (name === 'auto' && !process.env['REVOXEL_BACKEND'] && backend.name !== 'cuda' && output && existsSync(NVIDIA)) {
    const cuda = (await listBackends(options)).find((b) => b.name === 'cuda');
    output.note(
      `the GPU is not used (${cuda?.reason ?? 'no reason given'}): using ${backend.name}; ${cuda?.remedy ?? 'see revoxel doctor'}`,
    );
  }
  if (name === 'auto' && !process.env['REVOXEL_BACKEND'] && backend.name === 'typescript' && output) {
    const cpu = (await listBackends(options)).find((b) => b.name === 'cpu');
    if (cpu && !cpu.available)
      output.note(
        `the native backend is not available (${cpu.reason ?? 'no reason given'}): using typescript, which is slower; ${cpu.remedy ?? 'see revoxel doctor'}`,
      );
  }
  return backend;
}
