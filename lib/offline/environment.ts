/**
 * What the outbox asks of the browser beside what the client asks (lib/client/environment.ts): where it keeps things. The shapes are the parts of the
 * browser's own that are used, so that no DOM types are needed; what a browser lacks is not there.
 */
import { browserEnvironment, type Environment } from '../client/environment.js';

/** As `IDBFactory`; what it opens is the browser's own (storage/handle.ts). */
export interface DatabasesLike {
  open(name: string, version?: number): object;
  deleteDatabase(name: string): object;
}

export interface OfflineEnvironment extends Environment {
  /** Reading it may throw. */
  indexedDB?: DatabasesLike | undefined;
  /** `navigator.storage`: asks the person, or the browser's own rules, to keep what is stored here. */
  persist?: (() => Promise<boolean>) | undefined;
}

/** A timer that is no reason for a process to live. */
export const idle = (timer: unknown): unknown => {
  (Object(timer) as { unref?: () => void }).unref?.();
  return timer;
};

type Page = typeof globalThis & {
  indexedDB?: DatabasesLike;
  navigator?: { storage?: { persist?: () => Promise<boolean> } };
};

/** The browser as it is, read at the call. */
export function offlineEnvironment(): OfflineEnvironment {
  const page = globalThis as Page;
  let indexedDB: DatabasesLike | undefined;
  try {
    ({ indexedDB } = page);
  } catch {
    // Forbidden by the person, or by the frame around.
  }
  const kept = page.navigator?.storage;
  const persist = kept?.persist?.bind(kept);
  return { ...browserEnvironment(), indexedDB, persist };
}
