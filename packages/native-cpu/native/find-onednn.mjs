/**
 * Prints the version of oneDNN if a program with it compiles and links and the wrapper for that version is here, else
 * nothing: binding.gyp builds with the library in the first case. REVOXEL_ONEDNN=0 builds without it in any case.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Prints the version; fails to compile where the wrapper (2.6 or later of the v2 interface) would. */
const SOURCE = `
#include <cstdio>
#include <dnnl.hpp>
#if DNNL_VERSION_MAJOR != 2 || DNNL_VERSION_MINOR < 6
#error "another interface"
#endif
int main() {
  const dnnl_version_t* v = dnnl_version();
  std::printf("%d.%d.%d", v->major, v->minor, v->patch);
}
`;

function version() {
  if (process.env.REVOXEL_ONEDNN === '0' || !existsSync(new URL('kernels/onednn.cc', import.meta.url))) return '';
  const folder = mkdtempSync(join(tmpdir(), 'revoxel-onednn-'));
  try {
    const program = join(folder, 'probe');
    const arguments_ = ['-std=c++17', '-x', 'c++', '-', '-o', program, '-ldnnl'];
    const built = spawnSync(process.env.CXX || 'c++', arguments_, { input: SOURCE, encoding: 'utf8' });
    if (built.status !== 0) return '';
    const run = spawnSync(program, { encoding: 'utf8' });
    return run.status === 0 ? run.stdout.trim() : '';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.stdout.write(version());
