/** Plans for this backend can be made anywhere; nothing here needs the addon. */

import { compile } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { probe } from '../src/backend.js';
import { cpuProfile } from '../src/profile.js';
import { smallTrainingGraph as trainingGraph } from '@revoxel/runtime/testing';

describe('cpuProfile', () => {
  it('makes plans without the addon', () => {
    const plan = compile(trainingGraph(), cpuProfile(4));
    expect(plan.profile).toBe('cpu:4');
    expect(plan.calls.some((c) => c.op === 'normAct')).toBe(true);
    expect(plan.calls.some((c) => c.op === 'normActGrad')).toBe(true);
    // Every parameter convolution reads packed weights, refreshed at the end of the step.
    for (const call of plan.calls)
      if (call.op === 'conv' || call.op === 'convTranspose') expect(call.attrs.form).toBe('packed');
    expect(plan.derived.length).toBeGreaterThan(0);
    for (const call of plan.calls) expect(call.scratch.offset % plan.alignment).toBe(0);
  });

  it('takes the number of threads from REVOXEL_THREADS', () => {
    const before = process.env['REVOXEL_THREADS'];
    try {
      process.env['REVOXEL_THREADS'] = '3';
      expect(cpuProfile().name).toBe('cpu:3');
      process.env['REVOXEL_THREADS'] = 'many';
      expect(() => cpuProfile()).toThrow(/REVOXEL_THREADS/);
    } finally {
      if (before === undefined) delete process.env['REVOXEL_THREADS'];
      else process.env['REVOXEL_THREADS'] = before;
    }
  });
});

describe('probe', () => {
  it('says why the backend is not there, or what it runs on', () => {
    const found = probe();
    if (found.available) expect(Object.keys(found.facts)).toEqual(['threads', 'isa', 'compiler', 'oneDNN']);
    else expect(found.remedy).toMatch(/build:native/);
  });
});
