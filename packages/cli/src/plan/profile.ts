/**
 * The machine that a plan is for, by name. Plans need no device: only measuring needs the backend itself, which is made when it
 * is asked for.
 */
import {
  BackendUnavailableError,
  createReferenceBackend,
  createTypescriptBackend,
  loadBackend,
  type Backend,
  type BackendProfile,
} from '@revoxel/runtime';
import { UsageError } from '../exit.js';

/** A profile, and the backend that runs plans made for it. */
export interface PlanTarget {
  readonly profile: BackendProfile;
  /** @throws BackendUnavailableError when it cannot be used here. */
  readonly backend: () => Promise<Backend>;
}

/**
 * @param name - `typescript`, `reference`, `cpu`, `cpu:THREADS`, `cuda`, `cuda:N`, `cuda:GPU`; undefined: the backend that `train` would take here.
 * @throws UsageError for other names.
 */
export async function planTarget(name: string | undefined): Promise<PlanTarget> {
  if (name === undefined) return loaded(await loadBackend('auto', { from: import.meta.url }));
  const [kind, threads] = name.split(':', 2);
  switch (kind) {
    case 'typescript':
    case 'reference':
      if (threads !== undefined) break;
      return loaded(kind === 'typescript' ? createTypescriptBackend() : createReferenceBackend());
    case 'cpu':
      if (threads !== undefined && !/^[1-9]\d{0,3}$/.test(threads)) break;
      return cpuTarget(threads === undefined ? undefined : Number(threads));
    case 'cuda':
      return cudaTarget(threads);
    default:
  }
  throw new UsageError(
    `--profile expects typescript, reference, cpu, cpu:THREADS, cuda, cuda:N or cuda:GPU, got ${name}`,
  );
}

function loaded(backend: Backend): PlanTarget {
  return { profile: backend.profile, backend: () => Promise.resolve(backend) };
}

/** With the addon: its own profile, which knows where oneDNN is taken. Without: what its own kernels would need. */
async function cpuTarget(threads: number | undefined): Promise<PlanTarget> {
  const { cpuProfile, createBackend } = await import('@revoxel/native-cpu');
  try {
    return loaded(await createBackend(threads === undefined ? {} : { threads }));
  } catch (error) {
    if (!(error instanceof BackendUnavailableError)) throw error;
    return { profile: cpuProfile(threads), backend: () => Promise.reject(error) };
  }
}

/** With a GPU: its own profile. Without: that of a GPU by name, H100-80G where none is named. */
async function cudaTarget(device: string | undefined): Promise<PlanTarget> {
  const { cudaProfile, createBackend, DEVICES } = await import('@revoxel/native-cuda');
  const index = device === undefined ? 0 : /^\d{1,4}$/.test(device) ? Number(device) : undefined;
  if (index === undefined) {
    if (!(device! in DEVICES))
      throw new UsageError(`--profile cuda:GPU expects one of ${Object.keys(DEVICES).join(', ')}, got ${device!}`);
    return { profile: cudaProfile(device), backend: () => createBackend() };
  }
  try {
    return loaded(await createBackend({ device: index }));
  } catch (error) {
    if (!(error instanceof BackendUnavailableError) || device !== undefined) throw error;
    return { profile: cudaProfile(), backend: () => Promise.reject(error) };
  }
}
