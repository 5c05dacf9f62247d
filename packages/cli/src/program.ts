/**
 * From a command line to a command and an exit code. The table of commands is options.ts; what each does is in commands/.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { EXIT, errorText, exitCodeOf } from './exit.js';
import { COMMANDS, type CommandSpec } from './options.js';
import { Output, type Streams } from './output.js';

const DESCRIPTION =
  'Train and run segmentation networks on 3D medical images. Research software, not a medical device.';

/**
 * Run a command line.
 *
 * @param argv - arguments without node and script, e.g. `['inspect', 'scan.nii.gz']`.
 * @param streams - where to print.
 * @param signal - stops the work; what was done so far stays on disk.
 * @returns exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Never throws.
 */
export async function run(
  argv: readonly string[],
  streams: Streams,
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  let code: number = EXIT.ok;
  const program = new Command('revoxel')
    .description(DESCRIPTION)
    .version(version(), '-V, --version')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      writeErr: (text) => void streams.stderr.write(text),
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. REVOXEL_DEBUG=1 shows stacks.',
    );
  for (const spec of COMMANDS) {
    program.addCommand(
      // Commands of their own do not take over the streams by themselves.
      commandOf(spec, async (input, json) => {
        const { command } = await spec.load();
        code = (await command(input, { output: new Output(streams, json), signal })) ?? EXIT.ok;
      }).copyInheritedSettings(program),
    );
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    streams.stderr.write(`${errorText(error)}\n`);
    return exitCodeOf(error);
  }
}

function commandOf(
  spec: CommandSpec,
  action: (input: Record<string, unknown>, json: boolean) => Promise<void>,
): Command {
  const command = new Command(spec.name).description(spec.summary).exitOverride();
  for (const { name, description } of spec.arguments ?? []) command.argument(name, description);
  for (const { flags, description, required, choices, hidden } of spec.options) {
    const option = new Option(flags, description).makeOptionMandatory(required === true).hideHelp(hidden === true);
    if (choices !== undefined) option.choices([...choices]);
    command.addOption(option);
  }
  command.addHelpText('after', `\nExamples:\n${spec.examples.map((line) => `  ${line}`).join('\n')}`);
  command.action(async (...given: unknown[]) => {
    const options = command.opts<Record<string, unknown>>();
    const positional = (spec.arguments ?? []).map(({ name }, i) => [name.replace(/[<>[\]]/g, ''), given[i]] as const);
    await action({ ...Object.fromEntries(positional), ...options }, options['json'] === true);
  });
  return command;
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}
