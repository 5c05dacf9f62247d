/** The doctor's report as text. */

import pc from 'picocolors';
import type { DoctorReport, Finding } from './report.js';

const MARK: Readonly<Record<Finding['status'], () => string>> = {
  ok: () => pc.green('ok     '),
  missing: () => pc.yellow('missing'),
  bad: () => pc.red('bad    '),
};

export function printDoctor({ findings, backends, chosen }: DoctorReport): string {
  const width = Math.max(...findings.map((f) => f.name.length), ...backends.map((b) => b.name.length + 8));
  const lines = findings.flatMap((f) => [
    `${MARK[f.status]()}  ${f.name.padEnd(width)}  ${f.text}`,
    ...(f.remedy ? [`${' '.repeat(9)}${' '.repeat(width)}  -> ${f.remedy}`] : []),
  ]);
  for (const b of backends) {
    const facts = Object.entries(b.facts).map(([key, value]) => `${key} ${value}`);
    lines.push(
      `${b.available ? MARK.ok() : MARK.missing()}  ${`backend ${b.name}`.padEnd(width)}  ${b.available ? facts.join(', ') || 'available' : (b.reason ?? 'not available')}`,
    );
    if (!b.available && b.remedy) lines.push(`${' '.repeat(9)}${' '.repeat(width)}  -> ${b.remedy}`);
  }
  lines.push(`--backend auto takes: ${chosen}`);
  return lines.join('\n');
}
