/** The native helpers: the reason shown when nothing was built, the oneDNN version, the fact behind cached tests. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { builtAddons, oneDnnVersion, toolchain } from '../native-fingerprint.mjs';
import { reasonOf } from '../try-native.mjs';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'revoxel-tools-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('reasonOf', () => {
  it('takes the last line a build script ended with', () => {
    const output =
      'noise\n  build:native: first\nnpm error code 1\n  build:native: no C++ compiler on the PATH\nnpm error\n';
    expect(reasonOf(output)).toBe('no C++ compiler on the PATH');
  });

  it('has words for a build that ended without one', () => {
    expect(reasonOf('Segmentation fault\n')).toBe('the build failed');
  });
});

describe('oneDnnVersion', () => {
  it('reads the three numbers of the header', () => {
    const include = join(folder, 'include/oneapi/dnnl');
    mkdirSync(include, { recursive: true });
    const header = '#define DNNL_VERSION_MAJOR 2\n#define DNNL_VERSION_MINOR  6\n#define DNNL_VERSION_PATCH 3\n';
    writeFileSync(join(include, 'dnnl_version.h'), header);
    expect(oneDnnVersion([folder])).toBe('2.6.3');
  });

  it('says none where there is no header', () => {
    expect(oneDnnVersion([folder])).toBe('none');
  });
});

describe('builtAddons', () => {
  it('changes when an addon appears, changes or goes', () => {
    const release = join(folder, 'native-cpu/build/Release');
    mkdirSync(join(folder, 'runtime'), { recursive: true });
    expect(builtAddons(folder)).toEqual([]);
    mkdirSync(release, { recursive: true });
    writeFileSync(join(release, 'addon.node'), 'one');
    const first = builtAddons(folder);
    expect(first).toHaveLength(1);
    writeFileSync(join(release, 'addon.node'), 'two');
    expect(builtAddons(folder)).not.toEqual(first);
    rmSync(release, { recursive: true });
    expect(builtAddons(folder)).toEqual([]);
  });
});

describe('toolchain', () => {
  it('differs between flags, which change the code a compiler makes', () => {
    const before = process.env.CXXFLAGS;
    process.env.CXXFLAGS = '-O1';
    const one = toolchain();
    process.env.CXXFLAGS = '-O2';
    const two = toolchain();
    if (before === undefined) delete process.env.CXXFLAGS;
    else process.env.CXXFLAGS = before;
    expect(one.flags).not.toBe(two.flags);
    expect({ ...one, flags: '' }).toEqual({ ...two, flags: '' });
  });
});
