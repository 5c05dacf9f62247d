/** The command lines of the README exist: commands, options and required options are those of the table. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { COMMANDS } from '../src/options.js';

it('every command line of the README and of the help texts is valid', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const lines = [...readme.matchAll(/^revoxel (?!COMMAND)\S.*$/gm)].map((m) => m[0]);
  expect(lines.length).toBeGreaterThanOrEqual(COMMANDS.length);
  const examples = COMMANDS.flatMap((c) => c.examples).filter((line) => line.startsWith('revoxel '));
  for (const line of [...lines, ...examples]) {
    const [, name, ...rest] = line.split(' ');
    const spec = COMMANDS.find((c) => c.name === name);
    expect(spec, line).toBeDefined();
    const known = spec!.options.map((o) => o.flags.split(' ')[0]);
    const used = rest.filter((word) => word.startsWith('--'));
    expect(known, line).toEqual(expect.arrayContaining(used));
    // A resumed run knows its data.
    for (const { flags, required } of spec!.options) if (required) expect(used, line).toContain(flags.split(' ')[0]);
    expect(rest.filter((word, i) => !word.startsWith('--') && !rest[i - 1]?.startsWith('--')).length, line).toBe(
      spec!.arguments?.length ?? 0,
    );
  }
  for (const { name } of COMMANDS) expect(readme).toContain(`| \`${name}\``);
});
