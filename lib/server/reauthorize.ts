/**
 * Asks the app again and again whether those who listen still may: who lost a role, or was signed out elsewhere, is not to
 * hear on until the stream's own end. The app is asked in pages, so that one query of its database answers for many.
 */
import { PathcastError } from '../protocol/error.js';
import { describe, isArray } from '../internal/describe.js';
import type { ConnectionInfo } from '../internal/engine.js';

export interface ReauthorizeOptions {
  /** ms from the end of one round to the begin of the next. */
  everyMs: number;
  /**
   * Given some of the open streams, says which of them may no longer listen: their ids, or the given objects. They are ended
   * with `revoked`. One that throws, or does not answer within a minute, revokes nobody and is an `error` event.
   */
  check: (connections: readonly ConnectionInfo[]) => Verdict | Promise<Verdict>;
}
type Verdict = readonly (string | ConnectionInfo)[];

export interface ReauthorizeHost {
  connections(query: { limit: number; after?: string }): Promise<readonly ConnectionInfo[]>;
  revoke(connectionId: string): Promise<unknown>;
  report(thrown: unknown): void;
  /** Calls `then` once, `ms` later; the returned function prevents it. Keeps no process alive. */
  later(ms: number, then: () => void): () => void;
}

/** Streams in one question. */
const PAGE = 500;
/** ms; a check that takes longer is given up, so that the next round comes. */
const PATIENCE_MS = 60_000;

/** Begins at once; the returned function stops it for good. */
export function reauthorize({ everyMs, check }: ReauthorizeOptions, host: ReauthorizeHost): () => void {
  let stopped = false;
  let cancel = (): void => undefined;
  const rest = (): void => {
    if (!stopped) cancel = host.later(everyMs, () => void round().then(rest));
  };
  const round = async (): Promise<void> => {
    let after: string | undefined;
    for (;;) {
      let page: readonly ConnectionInfo[];
      try {
        page = await host.connections(after === undefined ? { limit: PAGE } : { limit: PAGE, after });
      } catch (thrown) {
        if (!stopped) host.report(thrown);
        return;
      }
      if (stopped || page.length === 0) return;
      try {
        for (const id of idsOf(await patiently(() => check(page), host), page)) {
          if (!stopped) await host.revoke(id);
        }
      } catch (thrown) {
        if (!stopped) host.report(thrown);
      }
      if (page.length < PAGE) return;
      after = page.at(-1)?.id;
    }
  };
  rest();
  return () => {
    stopped = true;
    cancel();
  };
}

function patiently<T>(ask: () => T | Promise<T>, host: ReauthorizeHost): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancel = host.later(PATIENCE_MS, () => {
      reject(new PathcastError('INVALID_OPTION', `reauthorize.check did not answer within ${PATIENCE_MS} ms`));
    });
    // What it throws at once is a rejection too.
    void Promise.resolve().then(ask).then(resolve, reject).finally(cancel);
  });
}

/** All or nothing: an answer that is not understood in part is not understood. */
function idsOf(verdict: unknown, page: readonly ConnectionInfo[]): string[] {
  const bad = (got: string): PathcastError =>
    new PathcastError(
      'INVALID_OPTION',
      `reauthorize.check must give a list of those of the connections it was given, or of their ids, that may no longer listen; got ${got}`,
    );
  if (!isArray(verdict)) throw bad(describe(verdict));
  const known = new Set(page.map(({ id }) => id));
  return verdict.map((item) => {
    const id = typeof item === 'object' && item !== null && 'id' in item ? item.id : item;
    if (typeof id !== 'string' || !known.has(id)) throw bad(`${describe(id)} in it`);
    return id;
  });
}
