/**
 * Where things are printed: results to stdout, everything else to stderr. Not here: progress bars (progress.ts).
 */
import picocolors from 'picocolors';

/** A stream that text is written to, a terminal perhaps. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** The two streams of a command. */
export interface Streams {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
}

/** Writes for one command. */
export class Output {
  readonly #streams: Streams;
  /** Whether the result is to be JSON. */
  readonly json: boolean;
  /** Colours for stderr messages and for stdout tables; none without a terminal or with NO_COLOR. */
  readonly colors: ReturnType<typeof picocolors.createColors>;

  constructor(streams: Streams, json: boolean) {
    this.#streams = streams;
    this.json = json;
    const wanted = streams.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
    this.colors = picocolors.createColors(wanted);
  }

  get stderr(): TextStream {
    return this.#streams.stderr;
  }

  /** The result: one line of JSON with --json, else the text. */
  result(value: unknown, text: () => string): void {
    this.#streams.stdout.write(this.json ? `${JSON.stringify(value)}\n` : `${text().trimEnd()}\n`);
  }

  /** A line that is no result. */
  note(line: string): void {
    this.#streams.stderr.write(`${line}\n`);
  }
}

/** Columns lined up: the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Bytes as MiB with one decimal. */
export function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** A Dice of 0 to 1, or a dash. */
export function diceText(dice: number | null | undefined): string {
  return dice === null || dice === undefined ? '-' : dice.toFixed(3);
}

/** Seconds for people: 41 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds: number): string {
  if (seconds < 100) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 100
    ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
