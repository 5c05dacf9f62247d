#!/usr/bin/env node
/**
 * Makes one tar.gz with which a server without network can run revoxel: all packages and what they need at run time as
 * npm tarballs, the native addons that are built here, and a script that installs them with tar alone. README.md says
 * how. Packages must be built. Nothing is downloaded.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { layoutOf, manifestOf } from './layout.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

const HELP = `node tools/offline-bundle/bundle.mjs [options]

  --out FILE     default revoxel-<version>-<platform>-<arch>.tar.gz in the working folder
  --node PATH    a node binary to carry, for servers without one
  --no-addons    leave out the native addons
`;

/** Addons where they are built, and where their packages look for them. */
const ADDONS = [
  ['native-cpu', 'build/Release/revoxel_cpu.node'],
  ['native-cuda', 'build/Release/revoxel_cuda.node'],
];

/** Packs folders in one go; npm says which tarball is whose by name and version. */
function packAll(folders, target) {
  const args = ['pack', '--json', '--ignore-scripts', '--offline', `--pack-destination=${target}`, ...folders];
  const text = execFileSync('npm', args, {
    cwd: target,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const packed = JSON.parse(text);
  return new Map(packed.map((entry) => [`${entry.name}@${entry.version}`, entry.filename]));
}

/** Wrappers for the commands of our own packages. */
function commandsOf(roots) {
  return [...roots].flatMap(([name, folder]) =>
    Object.entries(manifestOf(folder).bin ?? {}).map(([command, file]) => [
      command,
      `node_modules/${name}/${String(file).replace(/^\.\//, '')}`,
    ]),
  );
}

/**
 * Makes the bundle.
 *
 * @param {{ out?: string, node?: string, addons?: boolean }} options
 * @returns {{ file: string, packages: number, addons: string[] }}
 */
export function makeBundle({ out, node, addons = true } = {}) {
  const folders = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name));
  const unbuilt = folders.find((folder) => !existsSync(join(folder, 'dist')));
  if (unbuilt) throw new Error(`${unbuilt} is not built; run npm run build`);
  const roots = new Map(folders.map((folder) => [manifestOf(folder).name, folder]));
  const { version } = manifestOf(join(root, 'packages/cli'));
  const name = `revoxel-${version}-${process.platform}-${process.arch}`;
  const file = resolve(out ?? `${name}.tar.gz`);
  const work = mkdtempSync(join(tmpdir(), 'revoxel-bundle-'));
  try {
    const top = join(work, name);
    const tarballs = join(top, 'packages');
    mkdirSync(tarballs, { recursive: true });
    const layout = layoutOf(roots);
    const packed = packAll([...new Set(layout.values())], tarballs);
    const lines = [...layout].map(([place, folder]) => {
      const manifest = manifestOf(folder);
      return `${packed.get(`${manifest.name}@${manifest.version}`)} ${place}`;
    });
    writeFileSync(join(top, 'layout.txt'), lines.join('\n') + '\n');
    writeFileSync(
      join(top, 'commands.txt'),
      commandsOf(roots)
        .map((pair) => pair.join(' '))
        .join('\n') + '\n',
    );
    const carried = addons ? copyAddons(join(top, 'files')) : [];
    if (node) {
      mkdirSync(join(top, 'files/bin'), { recursive: true });
      copyFileSync(node, join(top, 'files/bin/node'));
      chmodSync(join(top, 'files/bin/node'), 0o755);
    }
    copyFileSync(join(here, 'install.sh'), join(top, 'install.sh'));
    chmodSync(join(top, 'install.sh'), 0o755);
    copyFileSync(join(here, 'README.md'), join(top, 'README.md'));
    cpSync(join(root, 'LICENSE'), join(top, 'LICENSE'));
    execFileSync('tar', ['-czf', file, '-C', work, name]);
    return { file, packages: layout.size, addons: carried };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @returns {string[]} names of the packages whose addon is in the bundle. */
function copyAddons(files) {
  const found = ADDONS.filter(([name, file]) => existsSync(join(root, 'packages', name, file)));
  for (const [name, file] of found) {
    const target = join(files, 'node_modules', manifestOf(join(root, 'packages', name)).name, file);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(root, 'packages', name, file), target);
  }
  return found.map(([name]) => name);
}

function main() {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      node: { type: 'string' },
      'no-addons': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void console.log(HELP);
  const { file, packages, addons } = makeBundle({ ...values, addons: !values['no-addons'] });
  console.log(`offline-bundle: ${file}: ${packages} packages, addons: ${addons.join(', ') || 'none'}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
