/** What a session throws when a kernel did: which kernel it was, with the cause; the errors that users act on by type keep it. */

import { ChecksumError, RevoxelError } from '../../errors.js';

/** @param failed - the kernel call. @param cause - what it threw. */
export function kernelError(failed: { readonly op: string; readonly name: string }, cause: unknown): RevoxelError {
  if (cause instanceof ChecksumError) return cause;
  return new RevoxelError('ERR_KERNEL', `${failed.op} "${failed.name}" failed: ${String(cause)}`, { cause });
}
