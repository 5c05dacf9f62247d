/** Types of one operation's queries and attributes. */

import type { OpName, OpTable } from '../../ops/registry.js';
import type { AttrsOf } from '../../ops/schema.js';
import type { KernelQuery } from '../profile.js';

export type AttrsFor<K extends OpName> = AttrsOf<OpTable[K]['attrs']>;
export type QueryOf<K extends OpName> = Extract<KernelQuery, { readonly op: K }>;
