/**
 * How the fixed-point streams of a reversible network are doing: their grid, and how close their values come to its limits.
 * Everything is read from the session, where the runtime's `streamUpdate` leaves it after every step.
 *
 * Source: MacKay et al. 2018 (arXiv 1810.10999) for fixed-point streams; the range counters are the runtime's.
 */
import type { Session } from '@revoxel/runtime';

/** One stream, as the last step left it. */
export interface StreamRecord {
  /** The grid of the next step is 2^-exponent. */
  readonly exponent: number;
  /** Largest |k|: of the integers themselves, whose range ends at 2^15 (q16) or 2^31 (q32). */
  readonly largest: number;
  /** Elements beyond three quarters of the range. */
  readonly near: number;
  /** Additions that were clamped, and those that were not a number and counted as 0. */
  readonly clamped: number;
  readonly nan: number;
}

/** Streams by name, e.g. `level0`. */
export type StreamRecords = Readonly<Record<string, StreamRecord>>;

const MONITOR = '.monitor';
/** Places in a monitor, see the runtime's `streamUpdate`: [streak, quiet, calibrated, largest |k|, near, clamped, nan, changes]. */
const [LARGEST, NEAR, CLAMPED, NAN] = [3, 4, 5, 6] as const;

/** Read all streams of a session that trains; empty for networks without fixed-point streams. */
export async function readStreams(session: Session): Promise<StreamRecords> {
  const all: Record<string, StreamRecord> = {};
  for (const name of session.names()) {
    if (!name.endsWith(MONITOR)) continue;
    const stream = name.slice(0, -MONITOR.length);
    const monitor = await session.read(name);
    const exponent = (await session.read(`${stream}.exponent`))[0]!;
    all[stream] = {
      exponent,
      largest: monitor[LARGEST]!,
      near: monitor[NEAR]!,
      clamped: monitor[CLAMPED]!,
      nan: monitor[NAN]!,
    };
  }
  return all;
}

/** One line when values come near a stream's limits or are lost, else undefined. */
export function streamWarning(streams: StreamRecords): string | undefined {
  const affected = Object.entries(streams).filter(([, s]) => s.near > 0 || s.clamped > 0 || s.nan > 0);
  if (affected.length === 0) return undefined;
  const text = affected.map(([name, { near, clamped, nan, largest, exponent }]) => {
    const counts = [`${near} near the limit`, `${clamped} clamped`, ...(nan > 0 ? [`${nan} NaN`] : [])];
    return `"${name}" ${counts.join(', ')} (largest ${largest}, exponent ${exponent})`;
  });
  const lost = affected.some(([, s]) => s.nan > 0);
  return (
    `fixed-point stream ${text.join('; ')} in the last step of the epoch: ` +
    (lost
      ? 'additions that are not a number count as 0, so look for broken images or lower "learningRate.initial" in plans.json'
      : 'the exponent adapts by itself; if log.jsonl shows such counts in many epochs, train with stream q32')
  );
}
