#!/usr/bin/env node
/**
 * Prints what a native build depends on beside its sources, so that Nx's cache never hands out the wrong binary:
 * platform, architecture, Node's module ABI, compiler and the versions of the libraries an addon links when present.
 *
 * With `--built` it prints instead what addons lie in the tree now (name and content hash), the fact that decides
 * whether native test groups run or skip. It builds nothing and never fails: what is missing reads `none`.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** First output line of a command, or `none` where it does not exist. */
function firstLine(command, args) {
  try {
    const text = execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 20_000,
    });
    return text.split('\n')[0].trim() || 'none';
  } catch {
    return 'none';
  }
}

/** The compiler that the CUDA build takes. */
function nvcc() {
  const own = '/usr/local/cuda/bin/nvcc';
  if (process.env.CUDACXX) return process.env.CUDACXX;
  return lastLine('nvcc', ['--version']) === 'none' && existsSync(own) ? own : 'nvcc';
}

/** The same of the last line, in which nvcc says its build. */
function lastLine(command, args) {
  try {
    const text = execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 20_000,
    });
    return text.trim().split('\n').at(-1) ?? 'none';
  } catch {
    return 'none';
  }
}

/** Version of oneDNN's development files, read from its header (`2.6.3`), or `none`. */
export function oneDnnVersion(prefixes = ['/usr', '/usr/local', process.env.DNNLROOT ?? '/usr']) {
  for (const prefix of prefixes) {
    const header = join(prefix, 'include/oneapi/dnnl/dnnl_version.h');
    if (!existsSync(header)) continue;
    const text = readFileSync(header, 'utf8');
    const parts = ['MAJOR', 'MINOR', 'PATCH'].map(
      (part) => new RegExp(`DNNL_VERSION_${part}\\s+(\\d+)`).exec(text)?.[1],
    );
    return parts.every((part) => part !== undefined) ? parts.join('.') : 'unknown';
  }
  return 'none';
}

/** The facts a native build depends on, as `key: value` pairs. */
export function toolchain() {
  const compiler = process.env.CXX || 'c++';
  return {
    platform: `${process.platform} ${process.arch}`,
    abi: process.versions.modules,
    compiler: firstLine(compiler, ['--version']),
    oneDnn: oneDnnVersion(),
    cmake: firstLine('cmake', ['--version']),
    nvcc: lastLine(nvcc(), ['--version']),
    make: firstLine('make', ['--version']),
    ninja: firstLine('ninja', ['--version']),
    gpus: firstLine('nvidia-smi', ['--query-gpu=compute_cap', '--format=csv,noheader']),
    flags: [process.env.CXXFLAGS, process.env.LDFLAGS].filter(Boolean).join(' ') || 'none',
  };
}

/** Native addons in `packages/<name>/build/{Release,Emulated}` with the first 16 hex digits of their SHA-256. */
export function builtAddons(folder = join(root, 'packages')) {
  const found = [];
  for (const name of readdirSync(folder).sort()) {
    for (const kind of ['Release', 'Emulated']) {
      const built = join(folder, name, 'build', kind);
      if (!existsSync(built)) continue;
      for (const file of readdirSync(built).sort()) {
        if (!file.endsWith('.node')) continue;
        const hash = createHash('sha256')
          .update(readFileSync(join(built, file)))
          .digest('hex');
        found.push(`${name}/${kind === 'Release' ? '' : `${kind}/`}${file} ${hash.slice(0, 16)}`);
      }
    }
  }
  return found;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const lines = process.argv.includes('--built')
    ? builtAddons()
    : Object.entries(toolchain()).map(([key, value]) => `${key}: ${value}`);
  console.log(lines.join('\n') || 'none');
}
