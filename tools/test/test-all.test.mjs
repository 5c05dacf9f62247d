/** The closing line of `npm test`: counts of vitest reports, files that broke before their first test, wording. */
import { describe, expect, it } from 'vitest';
import { countsOf, summaryLine } from '../test-all.mjs';

const file = (status, ...assertions) => ({ status, assertionResults: assertions });

describe('countsOf', () => {
  it('adds passed, failed, skipped and todo tests', () => {
    const report = {
      numPassedTests: 5,
      numFailedTests: 1,
      numPendingTests: 2,
      numTodoTests: 1,
      testResults: [file('failed', {}, {})],
    };
    expect(countsOf(report)).toEqual({ passed: 5, failed: 1, skipped: 3 });
  });

  it('counts a file that could not be loaded as one failure', () => {
    const report = {
      numPassedTests: 2,
      numFailedTests: 0,
      numPendingTests: 0,
      numTodoTests: 0,
      testResults: [file('failed'), file('passed', {}, {})],
    };
    expect(countsOf(report)).toEqual({ passed: 2, failed: 1, skipped: 0 });
  });
});

describe('summaryLine', () => {
  it('names skipped tests only where there are some', () => {
    expect(summaryLine({ passed: 12, failed: 0, skipped: 0 })).toBe('12 passed, 0 failed');
    expect(summaryLine({ passed: 12, failed: 1, skipped: 3 })).toBe('12 passed, 1 failed, 3 skipped');
  });
});
