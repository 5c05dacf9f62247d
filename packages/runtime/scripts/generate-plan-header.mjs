/**
 * Writes native/plan.h from the schema of the built package. Run it (after `npm run build`) when an operation or an
 * attribute was added; a test fails while the committed header is stale.
 */
import { writeFileSync } from 'node:fs';
import { planSchema } from '../dist/plan/schema.js';
import { planHeader } from './plan-header.mjs';

const target = new URL('../native/plan.h', import.meta.url);
writeFileSync(target, planHeader(planSchema()));
console.log(`wrote ${target.pathname}`);
