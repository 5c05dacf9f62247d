/** `revoxel doctor`: what this machine has, what is missing, how to get it. Always exits 0: it reports, it does not judge. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { listBackends, type BackendListing } from '@revoxel/runtime';
import { adviceFor, type Advice } from '../doctor/advice.js';
import { machineFacts, type MachineFacts } from '../doctor/facts.js';
import type { CommandRun } from '../options.js';
import type { Output } from '../output.js';

export const command: CommandRun = async (_input, { output }) => {
  const [facts, backends] = await Promise.all([machineFacts(), listBackends({ from: import.meta.url })]);
  const advice = adviceFor(facts, backends, packageManager());
  output.result({ ...facts, backends, advice }, () => text(facts, backends, advice, output));
  return undefined;
};

function text(
  facts: MachineFacts,
  backends: readonly BackendListing[],
  advice: readonly Advice[],
  { colors }: Output,
): string {
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const yes = colors.green('yes');
  const no = colors.yellow('no ');
  const line = (name: string, value: string): string => `${name.padEnd(18)}${value}`;
  const lines = [
    line('node', facts.node),
    line('system', facts.platform),
    line('processor', facts.cpu.model),
    line('threads', `${facts.cpu.threads} of ${facts.cpu.cores} cores (REVOXEL_THREADS sets them)`),
    line('instruction sets', facts.cpu.instructionSets.join(' ') || 'none with kernels of their own'),
    line('memory', `${gib(facts.memory.availableBytes)} available of ${gib(facts.memory.totalBytes)}`),
    ...facts.tools.map(({ name, version }) => line(name, version ?? 'not found')),
    line('oneDNN headers', facts.oneDnn.header ?? 'not found'),
    line('oneDNN library', facts.oneDnn.library ?? 'not found'),
    line('GPU driver', facts.gpu.driver ?? (facts.gpu.devices.length > 0 ? 'found' : 'not found')),
    ...facts.gpu.devices.map((device) => line('GPU', device)),
    '',
    'backends',
    ...backends.map(({ name, available, reason, remedy, facts: details }) =>
      available
        ? `  ${yes} ${name.padEnd(16)}${Object.entries(details)
            .map(([key, value]) => `${key} ${value}`)
            .join(', ')}`
        : `  ${no} ${name.padEnd(16)}${reason ?? 'not available'}${remedy === undefined ? '' : `; ${remedy}`}`,
    ),
  ];
  if (advice.length > 0)
    lines.push(
      '',
      'to do',
      ...advice.flatMap(({ problem, command: todo }) => [`  ${problem}`, `    ${colors.bold(todo)}`]),
    );
  else lines.push('', 'nothing to do');
  return lines.join('\n');
}

function packageManager(): 'apt-get' | 'dnf' | 'brew' | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return (['apt-get', 'dnf', 'brew'] as const).find((name) => folders.some((folder) => existsSync(join(folder, name))));
}
