/**
 * Facts about this machine that decide how fast Revoxel is: compilers, libraries, processor, memory, GPU. Every look is
 * bounded in time and may fail: then the fact is absent. Nothing is changed.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** A tool on the PATH. */
export interface Tool {
  readonly name: string;
  /** First line of what it says of itself; undefined when it is not there. */
  readonly version: string | undefined;
}

/** What was found. */
export interface MachineFacts {
  readonly node: string;
  readonly platform: string;
  readonly cpu: {
    readonly model: string;
    readonly cores: number;
    readonly threads: number;
    readonly instructionSets: readonly string[];
  };
  readonly memory: { readonly totalBytes: number; readonly availableBytes: number };
  readonly tools: readonly Tool[];
  /** Paths; undefined when not found. `header` is what a build needs, `library` what a run needs. */
  readonly oneDnn: { readonly header: string | undefined; readonly library: string | undefined };
  /** One line per GPU, or why there is none. */
  readonly gpu: { readonly driver: string | undefined; readonly devices: readonly string[] };
}

const TOOLS = ['g++', 'clang++', 'cmake', 'make', 'python3', 'nvcc'] as const;
/** Instruction sets that have kernels of their own, by the names the kernel uses. */
const INSTRUCTION_SETS = ['avx2', 'fma', 'avx512f', 'avx512_bf16', 'avx512_vnni', 'amx_bf16', 'asimd', 'sve'] as const;
const HEADERS = [
  '/usr/include/dnnl.hpp',
  '/usr/include/oneapi/dnnl/dnnl.hpp',
  '/usr/local/include/dnnl.hpp',
  '/usr/local/include/oneapi/dnnl/dnnl.hpp',
];

/** Look at the machine. */
export async function machineFacts(): Promise<MachineFacts> {
  const [tools, devices] = await Promise.all([Promise.all(TOOLS.map(tool)), gpus()]);
  return {
    node: process.version,
    platform: `${os.type()} ${os.release()} ${os.arch()}`,
    cpu: {
      model: os.cpus()[0]?.model.trim() ?? os.arch(),
      cores: os.cpus().length,
      threads: Number(process.env['REVOXEL_THREADS']) || os.availableParallelism(),
      instructionSets: instructionSets(),
    },
    memory: { totalBytes: os.totalmem(), availableBytes: available() },
    tools,
    oneDnn: { header: HEADERS.find((file) => existsSync(file)), library: await oneDnnLibrary() },
    gpu: { driver: driver(), devices },
  };
}

async function tool(name: string): Promise<Tool> {
  const text = await output(name, ['--version']);
  const lines = text?.split('\n').map((line) => line.trim()) ?? [];
  // nvcc says its release in the third line.
  return { name, version: name === 'nvcc' ? (lines.find((line) => line.includes('release')) ?? lines[0]) : lines[0] };
}

async function gpus(): Promise<string[]> {
  const text = await output('nvidia-smi', ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader']);
  return text?.split('\n').filter((line) => line.trim() !== '') ?? [];
}

function driver(): string | undefined {
  return read('/proc/driver/nvidia/version')?.split('\n', 1)[0];
}

async function oneDnnLibrary(): Promise<string | undefined> {
  const cached = (await output('ldconfig', ['-p'])) ?? (await output('/sbin/ldconfig', ['-p']));
  const found = cached?.split('\n').find((line) => line.includes('libdnnl.so'));
  if (found) return found.split('=>')[1]?.trim();
  for (const folder of [
    '/usr/lib',
    '/usr/lib64',
    '/usr/local/lib',
    '/usr/local/lib64',
    `/usr/lib/${os.arch() === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
  ]) {
    try {
      const name = readdirSync(folder).find((file) => file.startsWith('libdnnl.so'));
      if (name) return join(folder, name);
    } catch {
      // No such folder here.
    }
  }
  return undefined;
}

function instructionSets(): string[] {
  const flags = new Set((/^(?:flags|Features)\s*:\s*(.*)$/m.exec(read('/proc/cpuinfo') ?? '')?.[1] ?? '').split(' '));
  return INSTRUCTION_SETS.filter((name) => flags.has(name));
}

/** Memory that can be had without swapping; the free memory where the system does not say more. */
function available(): number {
  const kib = /^MemAvailable:\s+(\d+) kB/m.exec(read('/proc/meminfo') ?? '')?.[1];
  return kib === undefined ? os.freemem() : Number(kib) * 1024;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

async function output(file: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await execute(file, [...args], { timeout: 5000, encoding: 'utf8' });
    return stdout.trim();
  } catch {
    return undefined;
  }
}
