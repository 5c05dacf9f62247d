/** The encoded plan, its JSON form and the generated header agree: what is written is what the C++ decoder reads. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planHeader, planTypesHeader } from '../../scripts/plan-header.mjs';
import { FormatError, RevoxelError } from '../../src/errors.js';
import { planFromJson, planToJson } from '../../src/plan/encode-json.js';
import { encodePlan } from '../../src/plan/encode.js';
import { PLAN_MAGIC, planSchema } from '../../src/plan/schema.js';
import { HAND_MADE_PLAN } from './hand-made-plan.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const native = fileURLToPath(new URL('../../native', import.meta.url));
const compiler = ['c++', 'g++', 'clang++'].find((name) => spawnSync(name, ['--version']).status === 0);

describe('encodePlan', () => {
  it('starts with magic, version, schema hash and its own length', () => {
    const words = new BigInt64Array(encodePlan(HAND_MADE_PLAN));
    expect(words[0]).toBe(PLAN_MAGIC);
    expect(words[1]).toBe(1n);
    expect(BigInt.asUintN(64, words[2]!)).toBe(planSchema().hash);
    expect(words[3]).toBe(BigInt(words.length));
  });

  it('wants one offset per value', () => {
    expect(() => encodePlan(HAND_MADE_PLAN, [0, 64])).toThrow(/has 7 values, got 2 offsets/);
  });
});

describe('planToJson', () => {
  it('reads back the same plan, infinite numbers included', () => {
    expect(planFromJson(planToJson(HAND_MADE_PLAN))).toEqual(HAND_MADE_PLAN);
  });

  it('refuses other text, other versions and damaged plans', () => {
    const text = planToJson(HAND_MADE_PLAN);
    expect(() => planFromJson('{')).toThrow(FormatError);
    expect(() => planFromJson('{}', 'a.json')).toThrow(/a\.json: is not a plan/);
    expect(() => planFromJson(text.replace(/"schema":"[0-9a-f]+"/, '"schema":"0"'))).toThrow(/another version/);
    expect(() => planFromJson(text.replace('"groups":1', '"groups":1.5'))).toThrow(
      /call "net\.conv": attribute "groups"/,
    );
    expect(() => planFromJson(text.replace('"inputs":[0,2]', '"inputs":[0,99]'))).toThrow(/names value 99/);
    expect(() => planFromJson(text.replace('"bytes":96', '"bytes":95'))).toThrow(RevoxelError);
  });
});

describe('native/plan.h', () => {
  it('is what the generator makes of the operation table', () => {
    // Stale: npm run build -w packages/runtime && node packages/runtime/scripts/generate-plan-header.mjs
    expect(readFileSync(join(native, 'plan-types.h'), 'utf8') === planTypesHeader(planSchema())).toBe(true);
    expect(readFileSync(join(native, 'plan.h'), 'utf8') === planHeader(planSchema())).toBe(true);
  });
});

describe.skipIf(!compiler)(`decodePlan in C++ (${compiler ?? 'no compiler found'})`, () => {
  let folder = '';
  let program = '';
  const decode = (bytes: Uint8Array): string => spawnSync(program, { input: bytes, encoding: 'utf8' }).stdout;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'revoxel-plan-'));
    program = join(folder, 'decode');
    const built = spawnSync(
      compiler!,
      [
        '-std=c++17',
        '-Wall',
        '-Wextra',
        '-Werror',
        '-fsanitize=undefined',
        `-I${native}`,
        join(here, 'decode-plan.cc'),
        '-o',
        program,
      ],
      { encoding: 'utf8' },
    );
    expect(built.stderr + String(built.status)).toBe('0');
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('reads what was written', () => {
    const offsets = HAND_MADE_PLAN.values.map((v) => (v.segment === 'persistent' ? v.offset + 1024 : v.offset));
    expect(decode(new Uint8Array(encodePlan(HAND_MADE_PLAN, offsets)))).toMatchInlineSnapshot(`
      "hand-made, ünicode calls=3 derived=1 persistent=1632
      x f32 transient 0 96 io shape=1,2,3,4
      net.w f32 persistent 1024 288 parameters shape=4,2,3,3
      net.w#packed f32 persistent 1344 288 derived shape=72
      y f32 transient 128 192 activations shape=1,4,3,4
      padded f32 transient 320 320 io shape=1,4,4,5
      lr f32 step 0 4 step shape=
      norm2 f32 return 0 4 step shape=
      conv net.conv forward 1 640+100 1728 in=0,2 out=3 kernel=3,3 groups=1 bias=0 form=packed
      pad pad backward 0 0+0 0 in=3 out=4 value=-inf
      sumSquares norm2 update 0 0+0 160 in=4 out=6
      packWeights net.w#packed update 0 0+0 0 in=1 out=2
      net.w uniform -0.5 0.5
      net.w#packed from net.w by 3
      "
    `);
  });

  it('reads plans of any length', () => {
    const values = Array.from({ length: 3000 }, (_, i) => ({ ...HAND_MADE_PLAN.values[i % 7]!, name: `value ${i}` }));
    const lines = decode(new Uint8Array(encodePlan({ ...HAND_MADE_PLAN, values }))).split('\n');
    expect(lines.length).toBe(3000 + 8);
    expect(lines[2994]).toBe('value 2993 f32 transient 320 320 io shape=1,4,4,5');
  });

  it('refuses every buffer that is cut or has one word changed to nonsense', () => {
    const whole = encodePlan(HAND_MADE_PLAN);
    for (const words of [0, 1, 3, 9, 20, whole.byteLength / 8 - 1]) {
      expect(decode(new Uint8Array(whole, 0, words * 8))).toMatch(/^PlanError: /);
    }
    expect(decode(new Uint8Array(whole, 0, 13))).toMatch(/no whole number of words/);
    let refused = 0;
    const stride = 5;
    for (let word = 0; word < whole.byteLength / 8; word += stride) {
      const damaged = whole.slice(0);
      new DataView(damaged).setBigInt64(word * 8, -0x123456789n, true);
      // Names and attributes may hold any word; the decoder must answer, and the sanitizer must stay silent.
      const text = decode(new Uint8Array(damaged));
      expect(text.length).toBeGreaterThan(0);
      if (text.startsWith('PlanError')) refused++;
    }
    expect(refused).toBeGreaterThan(10);
  });

  it('shares random numbers and rounding with every backend', () => {
    // Random123's known answers for philox4x32-10; ties to even at bf16 and f16; clamped integers.
    expect(spawnSync(program, ['numbers'], { encoding: 'utf8' }).stdout).toMatchInlineSnapshot(`
      "6627e8d5 e169c58d bc57ac4c 9b00dbd8
      d16cfe09 94fdcceb 5001e420 24126ea1
      3f80 3f82 7f80 8000 7fc0
      3c00 3c02 7c00 0000 8002 7e00
      0 5.96046e-08 -65504
      2 255 -4 -2147483648 0
      "
    `);
  });
});
