/** Whether the emulated addon is there, for tests that need it: they are skipped visibly, with the reason in their name. */

import { probe } from '../src/backend.js';

const found = probe({ emulated: true });

/** True when the addon cannot be used. */
export const notBuilt = !found.available;

/** A suite's name, with the reason when it is skipped. */
export function named(name: string): string {
  return found.available ? name : `${name} (skipped: ${found.reason ?? 'no reason given'}; ${found.remedy ?? ''})`;
}
