/** What a binding asks of the browser: of the client's own, and whether the page is in sight. */
import { browserEnvironment, type Environment } from '../client/environment.js';

export type CacheEnvironment = Pick<Environment, 'now' | 'random' | 'setTimeout' | 'clearTimeout' | 'listen' | 'report'> & {
  /** ms by a clock that nobody sets. */
  elapsed: () => number;
  /** False while the page is hidden. */
  visible: () => boolean;
};

export function cacheEnvironment(): CacheEnvironment {
  const { document, performance } = globalThis as typeof globalThis & { document?: { visibilityState?: string } };
  return { ...browserEnvironment(), elapsed: () => performance.now(), visible: () => document?.visibilityState !== 'hidden' };
}
