/** What is said about fixed-point streams: nothing while they are well, one line with all counts when they are not. */
import { describe, expect, it } from 'vitest';
import { streamWarning } from '../../src/train/streams.js';

const well = { exponent: 9, largest: 9000, near: 0, clamped: 0, nan: 0 };

describe('streamWarning', () => {
  it('is silent while values keep clear of the limits', () => {
    expect(streamWarning({})).toBeUndefined();
    expect(streamWarning({ level0: well, level1: well })).toBeUndefined();
  });

  it('names the streams and their counts', () => {
    expect(streamWarning({ level0: { ...well, largest: 25000, near: 3 }, level1: well })).toMatchInlineSnapshot(
      `"fixed-point stream "level0" 3 near the limit, 0 clamped (largest 25000, exponent 9) in the last step of the epoch: the exponent adapts by itself; if log.jsonl shows such counts in many epochs, train with stream q32"`,
    );
    expect(streamWarning({ stream: { ...well, clamped: 1, nan: 2 } })).toMatchInlineSnapshot(
      `"fixed-point stream "stream" 0 near the limit, 1 clamped, 2 NaN (largest 9000, exponent 9) in the last step of the epoch: additions that are not a number count as 0, so look for broken images or lower "learningRate.initial" in plans.json"`,
    );
  });
});
