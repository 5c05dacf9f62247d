/** What the machine has: facts for `revoxel doctor`. Every probe is bounded in time and none throws. */

import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** First line of what a command prints of its version, or undefined when there is no such command. */
export async function versionOf(command: string, args: readonly string[] = ['--version']): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(command, [...args], { timeout: 5000 });
    return (stdout || stderr)
      .split('\n')
      .find((line) => line.trim() !== '')
      ?.trim();
  } catch {
    return undefined;
  }
}

/** Instruction sets that matter to the kernels, as the system lists them. */
export async function instructionSets(): Promise<string> {
  const wanted = ['avx2', 'fma', 'avx512f', 'avx512_bf16', 'amx_bf16', 'asimd', 'sve'];
  try {
    const info = await readFile('/proc/cpuinfo', 'utf8');
    const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(info)?.[1]?.trim().split(/\s+/) ?? []);
    return wanted.filter((flag) => flags.has(flag)).join(' ') || 'none of note';
  } catch {
    return `unknown (${os.arch()})`;
  }
}

/** What is installed of oneDNN: headers (to build with) and library. */
export async function oneDnn(): Promise<{
  readonly headers: string | undefined;
  readonly library: string | undefined;
}> {
  const roots = ['/usr', '/usr/local', '/opt/homebrew', ...(process.env.DNNLROOT ? [process.env.DNNLROOT] : [])];
  const folders = ['lib', 'lib64', `lib/${os.machine()}-linux-gnu`];
  const find = async (candidates: readonly string[]): Promise<string | undefined> => {
    for (const file of candidates) {
      try {
        await access(file);
        return file;
      } catch {
        // Not there; try the next.
      }
    }
    return undefined;
  };
  return {
    headers: await find(roots.map((root) => path.join(root, 'include', 'dnnl.h'))),
    library: await find(
      roots.flatMap((root) =>
        folders.flatMap((f) =>
          ['libdnnl.so', 'libdnnl.so.2', 'libdnnl.so.3', 'libdnnl.dylib'].map((l) => path.join(root, f, l)),
        ),
      ),
    ),
  };
}

/** Driver and GPUs, or why there are none. */
export async function gpu(): Promise<{ readonly found: boolean; readonly text: string }> {
  const listed = await versionOf('nvidia-smi', [
    '--query-gpu=name,driver_version,memory.total',
    '--format=csv,noheader',
  ]);
  if (listed) return { found: true, text: listed };
  try {
    const text = (await readFile('/proc/driver/nvidia/version', 'utf8')).split('\n')[0]!;
    return { found: true, text };
  } catch {
    return { found: false, text: 'no NVIDIA driver' };
  }
}

/** Memory that a process may use: the system's, or the control group's limit where that is smaller. */
export async function memoryBytes(): Promise<{ readonly total: number; readonly available: number }> {
  const total = os.totalmem();
  let limit = total;
  for (const file of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    try {
      const value = Number((await readFile(file, 'utf8')).trim());
      if (Number.isFinite(value) && value > 0) limit = Math.min(limit, value);
    } catch {
      // No such control group.
    }
  }
  return { total: limit, available: Math.min(os.freemem(), limit) };
}
