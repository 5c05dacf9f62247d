/**
 * Writes native/plan-types.h and native/plan.h from the schema of the built package. Run it (after `npm run build`) when an operation or an
 * attribute was added; a test fails while a committed header is stale.
 */
import { writeFileSync } from 'node:fs';
import { planSchema } from '../dist/plan/schema.js';
import { planHeader, planTypesHeader } from './plan-header.mjs';

const folder = new URL('../native/', import.meta.url);
writeFileSync(new URL('plan-types.h', folder), planTypesHeader(planSchema()));
writeFileSync(new URL('plan.h', folder), planHeader(planSchema()));
console.log(`wrote plan-types.h and plan.h to ${folder.pathname}`);
