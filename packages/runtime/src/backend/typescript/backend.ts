/**
 * The `typescript` backend: register-blocked loops over typed arrays on worker threads. It needs nothing but Node, so
 * that training works where no compiler exists; the native backends are many times faster.
 */

import os from 'node:os';
import { ArgumentError } from '../../errors.js';
import type { Backend } from '../backend.js';
import { hostFacts } from '../facts.js';
import { typescriptProfile } from './profile.js';
import { TypescriptSession } from './session.js';

export interface TypescriptOptions {
  /** Worker threads; default: `REVOXEL_THREADS`, else as many as the machine runs at once. */
  readonly threads?: number;
}

/** The backend that runs everywhere. @throws ArgumentError if the number of threads is not a positive integer */
export function createTypescriptBackend(options: TypescriptOptions = {}): Backend {
  const threads = options.threads ?? threadsFromEnvironment() ?? os.availableParallelism();
  if (!Number.isInteger(threads) || threads < 1) throw new ArgumentError('threads', 'a positive integer', threads);
  const backend: Backend = {
    name: 'typescript',
    profile: typescriptProfile(threads),
    facts: hostFacts(threads),
    createSession: (sessionOptions) => Promise.resolve().then(() => new TypescriptSession(backend, sessionOptions)),
  };
  return backend;
}

function threadsFromEnvironment(): number | undefined {
  const text = process.env.REVOXEL_THREADS;
  if (text === undefined || text === '') return undefined;
  const threads = Number(text);
  if (!Number.isInteger(threads) || threads < 1) throw new ArgumentError('REVOXEL_THREADS', 'a positive integer', text);
  return threads;
}
