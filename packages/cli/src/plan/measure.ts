/**
 * Measuring plans in processes of their own: the command starts itself again for each, so that no measurement sees what another
 * left behind. The running itself is @revoxel/training's `measureStep`.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { InterruptedError, type StepMeasurement } from '@revoxel/training';
import type { MemoryMode } from '@revoxel/runtime';
import type { PlannedChoice } from './choices.js';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));

/** The collector at hand, to start from a clean heap; little room for garbage, which is no plan's. */
const ENGINE = ['--expose-gc', '--max-semi-space-size=1'];

/** Options that are not passed on: they say what is done with the result. */
const OWN = new Set(['json', 'measure', 'measureHere', 'largestCube', 'memory', 'budget']);

/**
 * Measure a choice in a fresh process.
 *
 * @param input - the options of this command, as given.
 * @throws Error with the child's own line when it fails; InterruptedError when it was stopped.
 */
export async function measureApart(
  input: Readonly<Record<string, unknown>>,
  { mode, budgetBytes }: Pick<PlannedChoice, 'mode' | 'budgetBytes'>,
  signal: AbortSignal,
): Promise<StepMeasurement> {
  const options = Object.entries(input).flatMap(([name, value]) =>
    OWN.has(name) || typeof value !== 'string' ? [] : [`--${kebab(name)}`, value],
  );
  const argv = [
    'plan',
    ...options,
    '--memory',
    mode,
    ...(budgetBytes === undefined ? [] : ['--budget', String(budgetBytes)]),
  ];
  const child = spawn(process.execPath, [...ENGINE, MAIN, ...argv, '--measure-here', '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  try {
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (part: Buffer) => stdout.push(part));
    child.stderr.on('data', (part: Buffer) => stderr.push(part));
    const [code, how] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (exit, name) => resolve([exit, name]));
    });
    if (signal.aborted) throw new InterruptedError('plan: stopped while measuring; nothing was written');
    if (code !== 0) throw failure(mode, Buffer.concat(stderr).toString(), how);
    return JSON.parse(Buffer.concat(stdout).toString()) as StepMeasurement;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function failure(mode: MemoryMode, stderr: string, how: NodeJS.Signals | null): Error {
  const said = stderr.trimEnd().split('\n').at(-1) ?? '';
  const reason =
    how === null ? said.replace(/^error: /, '') : `its process was ended by ${how}: memory may have run out`;
  return new Error(`measuring memory ${mode}: ${reason || 'its process failed and said nothing'}`);
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
