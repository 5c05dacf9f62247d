/** Which programs of a README are compiled, and which packages an installation of one needs. */
import { describe, expect, it } from 'vitest';
import { closureOf, programsOf } from '../consumer-check.mjs';

describe('programsOf', () => {
  it('takes whole TypeScript programs and leaves fragments and other languages', () => {
    const markdown = [
      '```ts',
      "import { a } from '@revoxel/runtime';",
      'a();',
      '```',
      'text',
      '```ts',
      'const fragment = 1;',
      '```',
      '```bash',
      'import nothing',
      '```',
      '',
    ].join('\n');
    expect(programsOf(markdown)).toEqual(["import { a } from '@revoxel/runtime';\na();\n"]);
  });
});

describe('closureOf', () => {
  it('follows dependencies within the workspace, each once', () => {
    const graph = {
      cli: { '@revoxel/training': '^0.1.0', '@revoxel/runtime': '^0.1.0', commander: '^14' },
      training: { '@revoxel/models': '^0.1.0', zod: '^4' },
      models: { '@revoxel/runtime': '^0.1.0' },
      runtime: {},
    };
    expect(closureOf('cli', (name) => graph[name])).toEqual(['cli', 'training', 'runtime', 'models']);
    expect(closureOf('runtime', (name) => graph[name])).toEqual(['runtime']);
  });
});
