/** Plans for devices that are not here: which element types they take, and which kernels. */

import { compile, conv, gradients, mean, trace, type DType } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { CONV_GATHER, CONV_PLAIN } from '../src/conv-tensor.js';
import { cudaProfile } from '../src/profile.js';

function convolution(dtype: DType) {
  return trace('step', (g) => {
    const x = g.input('x', [1, 16, 12, 16, 16], dtype);
    const w = g.parameter('w', [32, 16, 3, 3, 3], { kind: 'constant', value: 0.1 });
    const y = conv(x, w, undefined, { padding: 1 });
    g.output('y', y);
    g.output('dw', gradients(mean(y), [w])[0]!);
  });
}

const variantsOf = (dtype: DType, device: string): readonly number[] =>
  compile(convolution(dtype), cudaProfile(device))
    .calls.filter((c) => c.op === 'conv' || c.op === 'convWeightGrad')
    .map((c) => c.variant);

describe('a GPU without bf16', () => {
  it('refuses it, with what to use instead', () => {
    expect(() => variantsOf('bf16', 'T4-16G')).toThrow(
      'does not compute in bf16 ("x"); GPUs before Ampere (sm_80) have no bf16: use f16 (--precision f16)',
    );
    expect(variantsOf('bf16', 'A100-40G')).toHaveLength(2);
  });

  it('computes f16 on tensor cores, and f32 on others', () => {
    expect(variantsOf('f16', 'T4-16G')).toEqual([CONV_GATHER, CONV_GATHER]);
    expect(variantsOf('f16', 'H100-80G')).toEqual([CONV_GATHER, CONV_GATHER]);
    expect(variantsOf('f32', 'T4-16G')).toEqual([CONV_PLAIN, CONV_PLAIN]);
  });

  it('packs weights apart for each type', () => {
    const names = (['bf16', 'f16'] as const).map(
      (dtype) => compile(convolution(dtype), cudaProfile('A100-40G')).derived[0]!.name,
    );
    expect(new Set(names).size).toBe(2);
  });
});
