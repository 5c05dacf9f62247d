import type { PlanSchema } from '../src/plan/schema.js';

/** The text of `native/plan.h` for a schema. */
export function planHeader(schema: PlanSchema): string;
