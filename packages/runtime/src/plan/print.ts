/** The text form of plans: memory by class, then one line a kernel call. */

import { printAttrs } from '../graph/print.js';
import type { AnyAttrs } from '../ops/schema.js';
import { MEMORY_CLASSES, type Plan, type PlanValue } from './plan.js';

/** Bytes in the largest unit that keeps them >= 1. */
export function printBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(2)} ${units[unit]}`;
}

export function printPlan(plan: Plan): string {
  const { memory } = plan;
  const classes = MEMORY_CLASSES.filter((c) => memory.byClass[c] > 0).map(
    (c) => `${c} ${printBytes(memory.byClass[c])}`,
  );
  const lines = [
    `plan "${plan.name}" for ${plan.profile}: ${plan.calls.length} calls, ${(plan.flops / 1e9).toFixed(3)} GFLOP, ${printBytes(plan.bytesMoved)} moved`,
    `  peak ${printBytes(memory.peakBytes)} = persistent ${printBytes(memory.persistentBytes)} + transient ${printBytes(memory.transientBytes)} (lower bound ${printBytes(memory.lowerBoundBytes)})`,
    `  at the fullest step: ${classes.join(', ')}`,
  ];
  plan.calls.forEach((call, i) => {
    const scratch = call.scratch.bytes > 0 ? ` scratch@${call.scratch.offset}+${call.scratch.bytes}` : '';
    const variant = call.variant > 0 ? `/${call.variant}` : '';
    const list = (indices: readonly number[]): string => indices.map((v) => place(plan.values[v]!)).join(', ');
    const attrs = printAttrs(call.attrs as AnyAttrs);
    lines.push(
      `  ${i} ${list(call.outputs)} = ${call.op}${variant}(${list(call.inputs)})${attrs ? ` ${attrs}` : ''}${scratch}  # ${call.name}`,
    );
  });
  return `${lines.join('\n')}\n`;
}

const SEGMENT_LETTER = { persistent: 'p', transient: 't', step: 's', return: 'r' } as const;

function place(value: PlanValue): string {
  return `${SEGMENT_LETTER[value.segment]}${value.offset}:${value.dtype}[${value.shape.join(',')}]`;
}
