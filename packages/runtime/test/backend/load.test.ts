/** Finding backends: built-in names, the environment, packages that are missing, broken, unavailable or fine. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listBackends, loadBackend } from '../../src/backend/load.js';
import { ArgumentError, BackendUnavailableError } from '../../src/index.js';

let folder: string;
/** A caller in a folder of its own, where packages of the test's choice are installed. */
let from: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'revoxel-load-'));
  from = path.join(folder, 'app.mjs');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  vi.unstubAllEnvs();
});

function install(name: string, source: string): void {
  const place = path.join(folder, 'node_modules', name);
  mkdirSync(place, { recursive: true });
  writeFileSync(
    path.join(place, 'package.json'),
    JSON.stringify({ name, version: '0.0.1', type: 'module', exports: './index.js' }),
  );
  writeFileSync(path.join(place, 'index.js'), source);
}

const UNAVAILABLE = `export const probe = () => ({ available: false, reason: 'no device', remedy: 'plug one in', facts: {} });`;
const AVAILABLE = `export const probe = () => ({ available: true, facts: { level: '9' } }); export const createBackend = async () => ({ name: 'found' });`;

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('expected a rejection'),
    (error: unknown) => error,
  );
}

describe('loadBackend', () => {
  it('gives the built-in backends', async () => {
    expect((await loadBackend('reference')).name).toBe('reference');
    vi.stubEnv('REVOXEL_THREADS', '3');
    expect((await loadBackend('typescript')).facts.threads).toBe(3);
    vi.stubEnv('REVOXEL_THREADS', 'many');
    expect(await failure(loadBackend('typescript'))).toBeInstanceOf(ArgumentError);
  });

  it('takes the fastest that is available, and the environment for auto', async () => {
    install('@revoxel/native-cpu', UNAVAILABLE);
    install('@revoxel/native-cuda', UNAVAILABLE);
    vi.stubEnv('REVOXEL_BACKEND', '');
    expect((await loadBackend('auto', { from })).name).toBe('typescript');
    vi.stubEnv('REVOXEL_BACKEND', 'reference');
    expect((await loadBackend('auto', { from })).name).toBe('reference');
    expect((await loadBackend('typescript', { from })).name).toBe('typescript');
    vi.stubEnv('REVOXEL_BACKEND', 'abacus');
    expect(await failure(loadBackend('auto', { from }))).toBeInstanceOf(ArgumentError);
  });

  it('prefers a native backend', async () => {
    install('@revoxel/native-cpu', AVAILABLE);
    install('@revoxel/native-cuda', UNAVAILABLE);
    vi.stubEnv('REVOXEL_BACKEND', '');
    expect((await loadBackend('auto', { from })).name).toBe('found');
  });

  it('says why a backend cannot be used and what to do', async () => {
    install('@revoxel/native-cuda', UNAVAILABLE);
    install('@revoxel/native-cpu', `throw new Error('cannot open shared object');`);
    const cuda = await failure(loadBackend('cuda', { from }));
    expect(cuda).toBeInstanceOf(BackendUnavailableError);
    expect((cuda as Error).message).toBe('backend "cuda" is not available: no device; plug one in');
    const cpu = (await failure(loadBackend('cpu', { from }))) as Error;
    expect(cpu.message).toBe(
      'backend "cpu" is not available: @revoxel/native-cpu failed to load: cannot open shared object; run npx nx run-many -t build and npx nx run-many -t build:native',
    );
    expect(await failure(loadBackend('abacus'))).toBeInstanceOf(ArgumentError);
  });

  it('chooses a device and the emulator, and never the emulator by itself', async () => {
    install(
      '@revoxel/native-cuda',
      `export const probe = ({ emulated } = {}) => ({ available: emulated === true, reason: 'no device', remedy: 'plug one in', facts: {} });
       export const createBackend = async (options) => ({ name: JSON.stringify(options) });`,
    );
    vi.stubEnv('REVOXEL_BACKEND', '');
    expect((await loadBackend('cuda-emulated', { from })).name).toBe('{"emulated":true}');
    expect((await loadBackend('auto', { from })).name).not.toMatch(/emulated/);
    expect((await listBackends({ from })).at(-1)).toMatchObject({ name: 'cuda-emulated', available: true });
    expect(await failure(loadBackend('cuda:x', { from }))).toBeInstanceOf(ArgumentError);
  });

  it('passes the number of a device on', async () => {
    install(
      '@revoxel/native-cuda',
      `export const probe = () => ({ available: true, facts: {} });
       export const createBackend = async (options) => ({ name: JSON.stringify(options) });`,
    );
    expect((await loadBackend('cuda', { from })).name).toBe('{}');
    expect((await loadBackend('cuda:3', { from })).name).toBe('{"device":3}');
    vi.stubEnv('REVOXEL_BACKEND', 'cuda:1');
    expect((await loadBackend('auto', { from })).name).toBe('{"device":1}');
  });

  it('lists all with their state', async () => {
    install('@revoxel/native-cuda', UNAVAILABLE);
    install('@revoxel/native-cpu', AVAILABLE);
    const list = await listBackends({ from });
    expect(list.map((b) => [b.name, b.available])).toEqual([
      ['cuda', false],
      ['cpu', true],
      ['typescript', true],
      ['reference', true],
    ]);
    expect(list[0]).toMatchObject({ reason: 'no device', remedy: 'plug one in' });
    expect(list[1]!.facts).toEqual({ level: '9' });
  });
});
