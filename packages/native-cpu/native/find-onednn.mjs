/**
 * Prints the version of oneDNN if the compiler finds its header and the wrapper for that version is here, else nothing:
 * binding.gyp links the library in the first case. REVOXEL_ONEDNN=0 builds without it in any case.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const wrapper = new URL('kernels/onednn.cc', import.meta.url);
const compiler = process.env.CXX ?? 'c++';

function version() {
  if (process.env.REVOXEL_ONEDNN === '0' || !existsSync(wrapper)) return '';
  const source = '#include <dnnl_version.h>\nREVOXEL DNNL_VERSION_MAJOR DNNL_VERSION_MINOR DNNL_VERSION_PATCH\n';
  const result = spawnSync(compiler, ['-E', '-P', '-x', 'c++', '-'], { input: source, encoding: 'utf8' });
  const found = /REVOXEL (\d+) (\d+) (\d+)/.exec(result.stdout ?? '');
  // The wrapper speaks the v2 interface.
  return found?.[1] === '2' ? `${found[1]}.${found[2]}.${found[3]}` : '';
}

process.stdout.write(version());
