/**
 * Finding backends by name. `typescript` and `reference` are part of this package; native ones are packages of their
 * own, found at run time from the caller's side, so that there is no static edge to them and everything works without.
 */

import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ArgumentError, BackendUnavailableError } from '../errors.js';
import type { Backend } from './backend.js';
import { createReferenceBackend } from './reference/backend.js';
import { createTypescriptBackend } from './typescript/backend.js';

/** What a native package says of itself without loading its addon for good. */
export interface BackendProbe {
  readonly available: boolean;
  /** What is missing, when not available. */
  readonly reason?: string;
  /** The command or step that mends it. */
  readonly remedy?: string;
  /** E.g. instruction set, library versions. */
  readonly facts: Readonly<Record<string, string>>;
}

/** What a native package is asked for. */
export interface NativeBackendOptions {
  /** The package's kernels run by its emulator: for tests, very slow. */
  readonly emulated?: boolean;
  /** Which of several devices. */
  readonly device?: number;
}

/** What the module of a native package exports. */
export interface NativeBackendModule {
  probe(options?: NativeBackendOptions): BackendProbe;
  createBackend(options?: NativeBackendOptions): Promise<Backend>;
}

const NATIVE = {
  cuda: { package: '@revoxel/native-cuda', options: {} },
  cpu: { package: '@revoxel/native-cpu', options: {} },
  'cuda-emulated': { package: '@revoxel/native-cuda', options: { emulated: true } },
} as const;
type NativeName = keyof typeof NATIVE;
/** What `auto` tries, fastest first. */
const AUTOMATIC = ['cuda', 'cpu'] as const satisfies readonly NativeName[];

/** Remedy for a native package that is not installed. */
const MISSING: Readonly<Record<NativeName, string>> = {
  cuda: `run npm install ${NATIVE.cuda.package}`,
  cpu: `run npm install ${NATIVE.cpu.package}`,
  'cuda-emulated': `run npm install ${NATIVE.cuda.package}`,
};

/** Names that `loadBackend` knows, fastest first; `auto` takes the first native one that is available, else `typescript`. */
export const BACKEND_NAMES = ['auto', 'cuda', 'cpu', 'typescript', 'reference', 'cuda-emulated'] as const;
export type BackendName = (typeof BACKEND_NAMES)[number];

/** Remedy for a native package that is installed but not built. */
const BUILD_COMMAND = 'npx nx run-many -t build:native';

export interface LoadOptions {
  /** File (path or URL) from whose side native packages are resolved, e.g. `import.meta.url`; default: the working directory. */
  readonly from?: string | URL;
}

/**
 * A backend by name.
 * @param name - `auto` (default): what `REVOXEL_BACKEND` names, else the fastest that is available; never `reference` or
 * `cuda-emulated` by itself. `cuda:N` is the GPU with index N.
 * @throws BackendUnavailableError with the reason and the command that mends it; ArgumentError for an unknown name.
 */
export async function loadBackend(
  name: BackendName | (string & {}) = 'auto',
  options: LoadOptions = {},
): Promise<Backend> {
  const text = name === 'auto' ? process.env.REVOXEL_BACKEND || 'auto' : name;
  const device = /^cuda:(\d{1,4})$/.exec(text)?.[1];
  const wanted = device === undefined ? text : 'cuda';
  if (!isBackendName(wanted)) {
    throw new ArgumentError(
      name === 'auto' ? 'REVOXEL_BACKEND' : 'backend',
      `one of ${BACKEND_NAMES.join(', ')}, cuda:N`,
      text,
    );
  }
  switch (wanted) {
    case 'reference':
      return createReferenceBackend();
    case 'typescript':
      return createTypescriptBackend();
    case 'cuda':
    case 'cpu':
    case 'cuda-emulated':
      return loadNative(wanted, options, device === undefined ? {} : { device: Number(device) });
    case 'auto':
      for (const native of AUTOMATIC) {
        if ((await probeNative(native, options)).probe.available) return loadNative(native, options);
      }
      return createTypescriptBackend();
    default:
      return wanted satisfies never;
  }
}

/** One line of `listBackends`. */
export interface BackendListing extends BackendProbe {
  readonly name: Exclude<BackendName, 'auto'>;
}

/** Every known backend and whether it can be used here, fastest first; loads no device. */
export async function listBackends(options: LoadOptions = {}): Promise<readonly BackendListing[]> {
  const native = await Promise.all(
    AUTOMATIC.map(async (name) => ({ name, ...(await probeNative(name, options)).probe })),
  );
  const emulated = (await probeNative('cuda-emulated', options)).probe;
  const { threads, details } = createTypescriptBackend().facts;
  return [
    ...native,
    { name: 'typescript', available: true, facts: { threads: String(threads), ...details } },
    { name: 'reference', available: true, facts: { threads: '1', ...details } },
    // For tests of the CUDA kernels: worth a line only where somebody has built it.
    ...(emulated.available ? [{ name: 'cuda-emulated' as const, ...emulated }] : []),
  ];
}

async function loadNative(
  name: NativeName,
  options: LoadOptions,
  choice: Pick<NativeBackendOptions, 'device'> = {},
): Promise<Backend> {
  const { probe, module } = await probeNative(name, options);
  if (!probe.available || !module) {
    throw new BackendUnavailableError(name, probe.reason ?? 'it says no more', probe.remedy ?? `run ${BUILD_COMMAND}`);
  }
  return module.createBackend({ ...NATIVE[name].options, ...choice });
}

async function probeNative(
  name: NativeName,
  options: LoadOptions,
): Promise<{ readonly probe: BackendProbe; readonly module?: NativeBackendModule }> {
  const { package: packageName, options: kind } = NATIVE[name];
  const file = resolvePackage(packageName, options.from);
  if (file === undefined) {
    const reason = `package ${packageName} is not installed`;
    return { probe: { available: false, reason, remedy: MISSING[name], facts: {} } };
  }
  try {
    const module = (await import(pathToFileURL(file).href)) as NativeBackendModule;
    return { probe: module.probe(kind), module };
  } catch (error) {
    const reason = `${packageName} failed to load: ${error instanceof Error ? error.message : String(error)}`;
    return {
      probe: { available: false, reason, remedy: `run npx nx run-many -t build and ${BUILD_COMMAND}`, facts: {} },
    };
  }
}

/** The file of a package as seen from `from`, else from this package. */
function resolvePackage(name: string, from: string | URL | undefined): string | undefined {
  for (const side of [from ?? path.join(process.cwd(), 'noop.js'), import.meta.url]) {
    try {
      return createRequire(side).resolve(name);
    } catch {
      // Not seen from this side; a package that is broken shows at the import.
    }
  }
  return undefined;
}

function isBackendName(name: string): name is BackendName {
  return (BACKEND_NAMES as readonly string[]).includes(name);
}
