import { describe, expect, it } from 'vitest';
import { versionOf } from '../src/doctor/machine.js';
import { printDoctor } from '../src/doctor/print.js';
import { diagnose, nodeFinding } from '../src/doctor/report.js';

describe('doctor', () => {
  it('tells a Node that is too old from one that is not', () => {
    expect(nodeFinding('20.18.1')).toMatchObject({ status: 'bad', remedy: 'install Node.js >= 20.19' });
    expect(nodeFinding('20.19.0').status).toBe('ok');
    expect(nodeFinding('22.1.0').status).toBe('ok');
  });

  it('finds no version of a command that does not exist', async () => {
    expect(await versionOf('no-such-command-revoxel')).toBeUndefined();
    expect(await versionOf(process.execPath)).toBe(process.version);
  });

  it('lists every backend, gives a remedy for each that is missing, and names the one auto takes', async () => {
    const report = await diagnose();
    expect(report.backends.map((b) => b.name)).toEqual(['cuda', 'cpu', 'typescript', 'reference']);
    for (const b of report.backends) if (!b.available) expect(b.reason && b.remedy, b.name).toBeTruthy();
    expect(report.chosen).not.toBe('reference');
    const text = printDoctor(report);
    for (const name of ['Node.js', 'C++ compiler', 'oneDNN', 'threads', 'memory', 'GPU', 'backend cpu'])
      expect(text).toContain(name);
    expect(text).toContain(`--backend auto takes: ${report.chosen}`);
  });
});
