import type { PlanSchema } from '../src/plan/schema.js';

/** The text of `native/plan.h` for a schema. */
export function planHeader(schema: PlanSchema): string;

/** The text of `native/plan-types.h` for a schema. */
export function planTypesHeader(schema: PlanSchema): string;
