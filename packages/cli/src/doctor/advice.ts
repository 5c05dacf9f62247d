/** What to install, from what was found: a pure function, so that tests can ask about machines that are not there. */
import type { BackendListing } from '@revoxel/runtime';
import type { MachineFacts } from './facts.js';

/** Something that would help. */
export interface Advice {
  /** What is missing and what it would bring. */
  readonly problem: string;
  /** The command to type. */
  readonly command: string;
}

/** The build of the native backends. */
const BUILD = 'npx nx run-many -t build:native';

/** What to do, most useful first; empty when all is well. */
export function adviceFor(
  facts: Pick<MachineFacts, 'tools' | 'oneDnn'> & Partial<Pick<MachineFacts, 'gpu'>>,
  backends: readonly BackendListing[],
  packageManager: 'apt-get' | 'dnf' | 'brew' | undefined,
): Advice[] {
  const advice: Advice[] = [];
  const has = (name: string): boolean => facts.tools.some((tool) => tool.name === name && tool.version !== undefined);
  const compiler = has('g++') || has('clang++');
  const missing = [
    ...(compiler ? [] : ['compiler']),
    ...(has('make') ? [] : ['make']),
    ...(has('python3') ? [] : ['python3']),
  ];
  const cpu = backends.find((backend) => backend.name === 'cpu');
  if (cpu && !cpu.available) {
    if (missing.length > 0) {
      advice.push({
        problem: `no ${missing.join(', no ')}: the native CPU backend cannot be built (it is many times faster than TypeScript)`,
        command: install(missing, packageManager),
      });
    }
    advice.push({
      problem: `native CPU backend: ${cpu.reason ?? 'not available'}`,
      command: missing.length > 0 ? BUILD : (cpu.remedy ?? BUILD),
    });
  }
  const cuda = backends.find((backend) => backend.name === 'cuda');
  if (cuda && !cuda.available && facts.gpu !== undefined && facts.gpu.devices.length > 0) {
    advice.push({ problem: `a GPU is not used: ${cuda.reason ?? 'no reason given'}`, command: cuda.remedy ?? BUILD });
  }
  if (facts.oneDnn.header === undefined || facts.oneDnn.library === undefined) {
    advice.push({
      problem: 'no oneDNN: convolutions run on own kernels; oneDNN is faster for some shapes',
      command: `${install(['onednn'], packageManager)} && ${BUILD}`,
    });
  } else if (
    cpu?.available &&
    !Object.entries(cpu.facts).some(
      ([key, value]) => /onednn/i.test(key) && !/^(no|none|false|not built.*|)$/i.test(value),
    )
  ) {
    advice.push({ problem: 'oneDNN is installed, the native backend was built without it', command: BUILD });
  }
  return advice;
}

const PACKAGES = {
  'apt-get': { compiler: 'g++', make: 'make', python3: 'python3', onednn: 'libdnnl-dev' },
  dnf: { compiler: 'gcc-c++', make: 'make', python3: 'python3', onednn: 'onednn-devel' },
  brew: { compiler: 'gcc', make: 'make', python3: 'python', onednn: 'onednn' },
} as const;

function install(what: readonly string[], manager: keyof typeof PACKAGES | undefined): string {
  const names = PACKAGES[manager ?? 'apt-get'];
  const list = what.map((name) => names[name as keyof typeof names]).join(' ');
  return manager === 'brew' ? `brew install ${list}` : `${manager ?? 'apt-get'} install ${list}`;
}
