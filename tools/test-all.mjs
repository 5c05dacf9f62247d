#!/usr/bin/env node
/**
 * `npm test`: builds everything, tries the native addons, runs the tests of every project through Nx and closes with
 * one line that sums them up: `N passed, N failed` (and `, N skipped` where some were).
 *
 * Not a test runner: vitest is. Each project's `test` target leaves a JSON report in `.cache/test/`, which is an output
 * of the target, so that a run answered by Nx's cache is counted like any other. Exits non-zero when a test or a build
 * failed, when a project left no report, or when a project ran no test at all.
 *
 * `node tools/test-all.mjs --slow` runs the long ones instead (target `test:slow`; projects may have none).
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, runNx } from './nx.mjs';

/**
 * Counts of one vitest JSON report.
 *
 * @param {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *   testResults: { status: string, assertionResults: unknown[] }[] }} report
 * @returns {{ passed: number, failed: number, skipped: number }} a file that failed before its first test (an import
 *   error, say) counts as one failure, because none of its tests shows up.
 */
export function countsOf(report) {
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles.length,
    skipped: report.numPendingTests + (report.numTodoTests ?? 0),
  };
}

/** The closing line, such as `12 passed, 0 failed, 3 skipped`. */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Reads `<folder>/<project>.json` for each project and prints one line each. */
function collect(folder, projects, mayBeEmpty) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const complaints = [];
  for (const project of projects) {
    const file = join(folder, `${project}.json`);
    if (!existsSync(file)) {
      complaints.push(`${project}: no report, its tests did not run to the end`);
      continue;
    }
    const counts = countsOf(JSON.parse(readFileSync(file, 'utf8')));
    console.log(`${project.padEnd(22)} ${summaryLine(counts)}`);
    for (const key of Object.keys(sum)) sum[key] += counts[key];
    if (!mayBeEmpty && counts.passed + counts.failed + counts.skipped === 0)
      complaints.push(`${project}: has no tests`);
  }
  return { sum, complaints };
}

function main() {
  const slow = process.argv.includes('--slow');
  const target = slow ? 'test:slow' : 'test';
  const folder = join(root, '.cache', slow ? 'test-slow' : 'test');
  const listed = runNx(['show', 'projects', '--with-target', target, '--json'], { capture: true });
  const projects = JSON.parse(/\[.*\]/s.exec(listed.output)?.[0] ?? '[]').sort();

  let failed = projects.length === 0;
  if (runNx(['run-many', '-t', 'build']).status !== 0) {
    console.error('The build failed; tests of projects that depend on it do not run.');
    failed = true;
  }
  spawnSync(process.execPath, [join(root, 'tools/try-native.mjs'), '--emulated'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  // A report left by an earlier run must not be counted for a project that now does not get as far as writing one.
  for (const project of projects) rmSync(join(folder, `${project}.json`), { force: true });
  if (runNx(['run-many', '-t', target, '--nxBail=false', '--outputStyle=static']).status !== 0) failed = true;

  const { sum, complaints } = collect(folder, projects, slow);
  for (const complaint of complaints) console.error(complaint);
  if (sum.passed + sum.failed === 0) complaints.push('no test ran');
  if (failed || complaints.length > 0 || sum.failed > 0) process.exitCode = 1;
  console.log(summaryLine(sum));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
