#!/usr/bin/env node
/**
 * Makes the platform package that carries the prebuilt addon, `build/platform/` (target `pack:platform`): manifest with
 * os, cpu and libc, the addon of the release architectures, its C library and licence. Build with
 * `revoxel-build-cuda --release` first; the addon of a development build is refused unless `--any` is given. Nothing is
 * published: `npm publish build/platform` is a command somebody types.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));
const release = join(packageRoot, 'build/Release');
const target = join(packageRoot, 'build/platform');

/** Ends with one line that says what to do. */
function fail(reason) {
  console.error(`pack:platform: ${reason}`);
  process.exit(1);
}

const addon = join(release, 'revoxel_cuda.node');
if (!existsSync(addon)) fail('no addon in build/Release; run revoxel-build-cuda --release');
const { build } = createRequire(import.meta.url)(addon).info();
const complete = ['75', '80', '86', '89', '90', '90a', '100', '120'].every((a) => new RegExp(`\\b${a}\\b`).test(build));
if (!complete && !process.argv.includes('--any'))
  fail(`the addon is a development build (${build}); run revoxel-build-cuda --release, or give --any`);

const own = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const files = ['revoxel_cuda.node', 'librevoxel_cuda_core.so'];
for (const file of files) copyFileSync(join(release, file), join(target, file));
copyFileSync(join(packageRoot, 'LICENSE'), join(target, 'LICENSE'));
writeFileSync(
  join(target, 'README.md'),
  `# @revoxel/native-cuda-linux-x64-gnu\n\nThe prebuilt addon of [@revoxel/native-cuda](https://www.npmjs.com/package/@revoxel/native-cuda) for Linux on x86-64\nwith glibc 2.34 or later (${build}). Found by itself where it is installed beside it; not to be used alone.\n`,
);
writeFileSync(
  join(target, 'package.json'),
  `${JSON.stringify(
    {
      name: '@revoxel/native-cuda-linux-x64-gnu',
      version: own.version,
      description: 'Prebuilt addon of @revoxel/native-cuda for Linux on x86-64',
      license: own.license,
      os: ['linux'],
      cpu: ['x64'],
      libc: ['glibc'],
      files: [...files, 'README.md', 'LICENSE'],
      publishConfig: own.publishConfig,
    },
    null,
    2,
  )}\n`,
);
const size = (statSync(join(target, 'revoxel_cuda.node')).size / 2 ** 20).toFixed(1);
console.log(`pack:platform: ${target}: ${own.version}, ${build}, addon ${size} MiB`);
