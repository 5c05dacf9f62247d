/** The command: options, building, writing the folder. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  rmSync,
  statSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cudaProfile } from '@revoxel/native-cuda';
import { packCases, packNetwork } from './cases.mjs';
import { packLayers } from './layers.mjs';
import { comparedNetworks, graphOf, networkTolerance, packTimed, timedNetworks } from './networks.mjs';
import { Store } from './store.mjs';

const HELP = `tools/gpu/pack [options]

  --emulated       the library that runs on the CPU and small networks, for tools/gpu/run --dry-run
  --arch 90a       architecture of the CUDA library
  --device NAME    device that plans are made for (default H100-80G; see DEVICES of @revoxel/native-cuda)
  --no-build       take the library as it lies in packages/native-cuda/build, or none: it is then built there
  --only PATTERN   operation cases whose name matches alone
  --out FOLDER     default .gpu, with --emulated .gpu-emulated
`;

/** Format of index.json; revoxel_gpu/pack.py checks it. */
const FORMAT = 1;
/** Traits of the emulated device (native/core/device.cc). */
const EMULATED = { capability: 90, multiprocessors: 4, sharedBytes: 227 << 10 };
const MIB = 2 ** 20;

const root = fileURLToPath(new URL('../../..', import.meta.url));
const require = createRequire(import.meta.url);

function emulatedProfile() {
  const rates = { memoryBytes: 4 * 1024 * MIB, flopsPerSecond: 1e9, bytesPerSecond: 1e9 };
  return cudaProfile({ ...EMULATED, ...rates });
}

function commit() {
  const git = (...args) => execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' }).trim();
  try {
    return (
      git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : ' with changes')
    );
  } catch {
    return 'unknown';
  }
}

/** Builds the library; what fails is said and not the end: the sources travel too. */
function build({ emulated, arch }) {
  const cwd = join(root, 'packages/native-cuda');
  const args = emulated ? ['--emulated'] : ['--arch', `${arch}-real`];
  const { status } = spawnSync(process.execPath, ['bin/build-native.mjs', ...args], {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) console.error('pack: the library was not built here; tools/gpu/run will try it there');
}

/** The library if there is one, and everything to build it with cmake alone. */
function copyNative(out, emulated) {
  const built = join(root, 'packages/native-cuda/build', emulated ? 'Emulated' : 'Release', 'librevoxel_cuda_core.so');
  if (existsSync(built)) copyFileSync(built, join(out, 'librevoxel_cuda_core.so'));
  const source = join(out, 'source');
  mkdirSync(source);
  copyFileSync(join(root, 'packages/native-cuda/CMakeLists.txt'), join(source, 'CMakeLists.txt'));
  cpSync(join(root, 'packages/native-cuda/native'), join(source, 'native'), { recursive: true });
  cpSync(dirname(require.resolve('@revoxel/runtime/native/plan.h')), join(source, 'runtime'), { recursive: true });
  return existsSync(built);
}

function copyRunner(out) {
  const tools = join(root, 'tools/gpu');
  copyFileSync(join(tools, 'run'), join(out, 'run'));
  chmodSync(join(out, 'run'), 0o755);
  copyFileSync(join(tools, 'peers.py'), join(out, 'peers.py'));
  cpSync(join(tools, 'revoxel_gpu'), join(out, 'revoxel_gpu'), {
    recursive: true,
    filter: (path) => !path.includes('__pycache__'),
  });
}

function sizeOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** @param {string[]} args - of the command line. */
export async function main(args) {
  const { values: options } = parseArgs({
    args,
    options: {
      emulated: { type: 'boolean', default: false },
      arch: { type: 'string', default: '90a' },
      device: { type: 'string', default: 'H100-80G' },
      'no-build': { type: 'boolean', default: false },
      only: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (options.help) return void console.log(HELP);
  const { emulated } = options;
  const out = resolve(options.out ?? join(root, emulated ? '.gpu-emulated' : '.gpu'));
  if (!options['no-build']) build(options);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const carried = copyNative(out, emulated);
  copyRunner(out);

  const profile = emulated ? emulatedProfile() : cudaProfile(options.device);
  const store = new Store();
  const cases = await packCases(profile, store, options.only && new RegExp(options.only));
  const compared = [];
  for (const net of comparedNetworks()) {
    compared.push(await packNetwork(net, profile, store, networkTolerance(net.name)));
  }
  const entries = timedNetworks(emulated ? 'emulated' : 'device');
  const networks = [];
  for (const entry of entries) networks.push(await packTimed(entry, profile, store));
  const cold = emulated ? { repeats: 2, flushBytes: 4096 } : { repeats: 20, flushBytes: 128 * MIB };
  const layers = await packLayers(graphOf(entries[0]), profile, store, cold);

  await store.write(join(out, 'data.safetensors'));
  const about = {
    ...{ format: FORMAT, emulated, profile: profile.name, device: emulated ? 'emulated' : options.device },
    ...{ commit: commit(), arch: options.arch, library: carried, made: new Date().toISOString() },
  };
  writeFileSync(join(out, 'index.json'), JSON.stringify({ ...about, cases, compared, networks, layers }));
  const megabytes = (sizeOf(out) / 1e6).toFixed(1);
  console.log(
    `pack: ${out}: ${cases.length} cases, ${compared.length} networks to compare, ${networks.length} plans and ${layers.length} layers to time, ${megabytes} MB`,
  );
}
