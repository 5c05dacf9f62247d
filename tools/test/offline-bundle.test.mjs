/** The offline bundle: its layout, and that an installation from it runs without network. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeBundle } from '../offline-bundle/bundle.mjs';
import { layoutOf } from '../offline-bundle/layout.mjs';
import { root } from '../nx.mjs';

describe('layoutOf', () => {
  /** Packages by folder: name, dependencies, and the folder each of them is found in. */
  const installed = {
    '/app': { name: 'app', needs: { a: '/a', b: '/b' } },
    '/a': { name: 'a', needs: { x: '/x1' } },
    '/b': { name: 'b', needs: { x: '/x2', c: '/c' } },
    '/c': { name: 'c', needs: { x: '/x1' } },
    '/x1': { name: 'x', needs: {} },
    '/x2': { name: 'x', needs: { c: '/c' } },
  };
  const manifest = (folder) => ({ name: installed[folder].name, dependencies: installed[folder].needs });
  const find = (name, from) => installed[from].needs[name];

  it('puts a package at the top once and a second version beside who needs it', () => {
    const layout = layoutOf(new Map([['app', '/app']]), find, manifest);
    expect(Object.fromEntries(layout)).toEqual({
      'node_modules/app': '/app',
      'node_modules/a': '/a',
      'node_modules/b': '/b',
      'node_modules/x': '/x1',
      'node_modules/c': '/c',
      'node_modules/b/node_modules/x': '/x2',
    });
  });

  it('names a dependency that is not installed', () => {
    const broken = (name, from) => (name === 'x' ? undefined : find(name, from));
    expect(() => layoutOf(new Map([['app', '/app']]), broken, manifest)).toThrow('x, which a needs');
  });
});

const built = readdirSync(join(root, 'packages')).every((name) => existsSync(join(root, 'packages', name, 'dist')));

/** Runs a command without network where the system lets us take it away; npm is told so in any case. */
function offline(command, args, cwd) {
  const noNetwork = spawnSync('unshare', ['-rn', 'true']).status === 0;
  const [program, all] = noNetwork ? ['unshare', ['-rn', command, ...args]] : [command, args];
  const env = { ...process.env, npm_config_offline: 'true', npm_config_cache: join(cwd, '.npm-cache') };
  return execFileSync(program, all, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

describe.skipIf(!built || process.platform === 'win32')('bundle (skipped when packages are not built)', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8'));
  let work;
  let top;

  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'revoxel-offline-'));
    const { file } = makeBundle({ out: join(work, 'bundle.tar.gz'), addons: false });
    execFileSync('tar', ['-xzf', file, '-C', work]);
    top = join(work, `revoxel-${version}-${process.platform}-${process.arch}`);
  }, 120_000);

  afterAll(() => rmSync(work, { recursive: true, force: true }));

  it('installs without npm and runs', { timeout: 60_000 }, () => {
    const target = join(work, 'installed');
    const said = offline('sh', [join(top, 'install.sh'), target], work);
    expect(said).toContain(`(${version})`);
    expect(offline(join(target, 'bin/revoxel'), ['--version'], work).trim()).toBe(version);
    expect(offline(join(target, 'bin/revoxel'), ['doctor', '--json'], work)).toContain('"backends"');
  });

  it('refuses a folder that holds something', () => {
    const target = join(work, 'taken');
    mkdirSync(target);
    writeFileSync(join(target, 'file'), '');
    const { status, stderr } = spawnSync('sh', [join(top, 'install.sh'), target], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('is not empty');
  });

  it('installs with npm --offline and runs', { timeout: 120_000 }, () => {
    const project = join(work, 'project');
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'project', private: true }));
    const tarballs = readdirSync(join(top, 'packages')).map((file) => join(top, 'packages', file));
    offline('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs], project);
    expect(offline(join(project, 'node_modules/.bin/revoxel'), ['--version'], project).trim()).toBe(version);
  });
});
