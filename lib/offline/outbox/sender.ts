/** Sends what is due, in the tab that leads. Each of its writes checks, in its own transaction, that it still does. */
import { idle, type OfflineEnvironment } from '../environment.js';
import type { Draft, Storage } from '../storage/types.js';
import type { OutboxEntry, Problem } from '../types.js';
import { isOpen } from './entry.js';
import { isTime } from './book.js';
import { isBare, isForeign, type Mutations } from './make.js';
import { outcomeOf, type Outcome } from './outcome.js';
import { step } from './step.js';

/** A request that is not answered in this time is tried again, under the same id. */
const SEND_MS = 60_000;
/** How long what was answered is kept for those who wait for it in other tabs, and how many at most. */
const ACKED_MS = 60_000;
const ACKED_MOST = 1_000;
/** Between tries to keep what could not be kept, doubled with each up to sixteen times this. */
const KEEP_MS = 1_000;
/** A timer for longer would be one for at once. */
const LONGEST_MS = 60_000;

export type Migrate = (entry: OutboxEntry, from: number) => OutboxEntry | null;

export interface SenderHost {
  environment: OfflineEnvironment;
  storage: Storage;
  mutations: Mutations;
  version: number;
  migrate: Migrate | undefined;
  parallel: number;
  /** Nothing forbids to send. */
  may: () => unknown;
  request: (entry: OutboxEntry, signal: AbortSignal) => unknown;
  problem: (problem: Problem) => void;
  /** What came of a request, before it is kept; `raw`: what the client gave, or threw. */
  answered: (entry: OutboxEntry, outcome: Outcome, raw: unknown, ms: number) => void;
  /** Leads, or leads no more. */
  leads: (leads: boolean) => void;
  /** Entries are there that a newer version of the app has made. */
  outdated: () => void;
  /** Another tab leads, or is to: it is stood in line behind the others. */
  stale: () => void;
}

export interface Sender {
  /** This tab leads. */
  readonly leads: boolean;
  lead(): Promise<void>;
  yield(): void;
  /** Looks what is due. */
  pump(): void;
}

/** Another tab leads. One object, told by itself. */
const STALE = new Error('stale');

export function createSender({ environment, storage, mutations, version, migrate, parallel, may, request, problem, answered, leads, outdated, stale }: SenderHost): Sender {
  const { now, random, setTimeout, clearTimeout } = environment;
  /** 0: does not lead. */
  let fence = 0;
  /** Grows with each lead, and each end of one. */
  let turn = 0;
  let busy = new Map<string, AbortController>();
  let timer: unknown;
  /** Ids of what this version of the app does not know, as far as that was told; and whether the lead is to be passed on for one of them, once. */
  const foreign = new Set<string>();
  let passes = false;
  let failures = 0;
  let resting = false;

  const go = (entry: OutboxEntry, outcome: Parameters<typeof step>[1]): OutboxEntry => step(entry, outcome, { now: now(), random, bare: isBare(entry, mutations) });
  const pause = (): Promise<void> => new Promise((done) => setTimeout(done, KEEP_MS * 2 ** Math.min(failures++, 4) * (0.5 + random() / 2)));

  /** Until it could be kept, as long as it `holds`. */
  async function insist(holds: () => boolean, run: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await run();
      } catch (thrown) {
        if (thrown === STALE) return;
        await pause();
        if (!holds()) return;
      }
    }
  }

  /** In a transaction that throws STALE where another tab leads. */
  async function fenced<T>(own: number, body: (draft: Draft) => T): Promise<T> {
    try {
      const result = await storage.change((draft) => {
        if (draft.meta.fence !== own) throw STALE;
        return body(draft);
      });
      failures = 0;
      return result;
    } catch (thrown) {
      if (thrown === STALE && fence === own) {
        stale();
      }
      throw thrown;
    }
  }

  function end(): void {
    turn += 1;
    clearTimeout(timer);
    for (const abort of busy.values()) abort.abort();
    busy = new Map();
    if (!fence) return;
    fence = 0;
    leads(false);
  }

  function lead(): Promise<void> {
    end();
    const own = turn;
    let failed: [OutboxEntry, unknown][];
    return insist(
      () => own === turn,
      async () => {
        const won = await storage.change((draft) => {
          failed = [];
          const { entries } = draft.book;
          if (entries.some((entry) => entry.version > version)) return 0;
          for (const entry of entries) take(draft, entry, failed);
          draft.meta.version = version;
          return (draft.meta.fence += 1);
        });
        if (own !== turn) return;
        if (!won) return outdated();
        fence = won;
        for (const [entry, error] of failed) problem({ code: 'migration_failed', message: `${entry.path} of version ${entry.version} cannot be sent`, entry, error });
        leads(true);
        pump();
      },
    );
  }

  /** What a former leader, or a former version of the app, has left. */
  function take(draft: Draft, entry: OutboxEntry, failed: [OutboxEntry, unknown][]): void {
    let taken = entry;
    if (entry.version < version && isOpen(entry)) {
      let error: unknown;
      let moved: OutboxEntry | null = entry;
      try {
        if (migrate) moved = migrate(entry, entry.version);
      } catch (thrown) {
        moved = null;
        error = thrown;
      }
      if (moved) {
        const { path, input, fields, kind } = moved;
        taken = { ...entry, path, input, fields, kind, version };
      } else {
        // Its version stays: it is of that shape still, and a later version of the app may know what to do with it.
        if (entry.reason === 'schema') return;
        taken = { ...entry, state: 'dead', reason: 'schema' };
        failed.push([entry, error]);
      }
    }
    if (taken.state === 'sending' && isBare(taken, mutations)) taken = go(taken, { is: 'unknown' });
    if (taken !== entry) draft.put(taken);
  }

  function pump(): void {
    clearTimeout(timer);
    if (!fence) return;
    const at = now();
    const forgets = clean(at);
    let next = forgets;
    if (may() && !resting) {
      let isNews = false;
      const isPassed = (entry: OutboxEntry): boolean => {
        const isUnknown = isForeign(entry, mutations);
        if (isUnknown && !foreign.has(entry.id)) {
          foreign.add(entry.id);
          isNews = true;
          problem({ code: 'unknown_path', message: `${entry.path} is not known to this version of the app: reload the page`, entry });
        }
        return isUnknown || busy.has(entry.id);
      };
      const { ready, next: later } = storage.book.due(at, parallel - busy.size, isPassed);
      passes ||= isNews;
      // Another tab may know it. Nothing that is on its way is cut off for that.
      if (passes && !busy.size && !ready[0]) {
        passes = false;
        return stale();
      }
      for (const entry of ready) void one(entry, fence, turn);
      next = Math.min(next, later);
    }
    if (next === Infinity) return;
    timer = setTimeout(pump, Math.min(Math.max(next - at, 0), LONGEST_MS));
    if (next === forgets) idle(timer);
  }

  /** Removes what was answered long ago. Gives when the next one is. */
  function clean(at: number): number {
    const { acked } = storage.book;
    const old: OutboxEntry[] = [];
    let next = Infinity;
    for (const entry of acked.values()) {
      const { ackedAt = 0 } = entry;
      next = ackedAt + ACKED_MS;
      if (old.length >= acked.size - ACKED_MOST && Math.abs(at - ackedAt) < ACKED_MS) break;
      old.push(entry);
      next = Infinity;
    }
    const forget = (draft: Draft): void => {
      for (const { id, squashed } of old) {
        draft.remove(id);
        // A tab that has not heard of that yet would send them as they were.
        for (const one of squashed) draft.meta.ended[one] = 'squashed';
      }
    };
    if (old[0] && !resting) void fenced(fence, forget).catch(rest);
    return next;
  }

  /** What cannot be kept is tried again later. */
  function rest(thrown: unknown): void {
    if (thrown === STALE || resting) return;
    resting = true;
    void pause().then(() => {
      resting = false;
      pump();
    });
  }

  async function one({ id, lane }: OutboxEntry, own: number, during: number): Promise<void> {
    const abort = new AbortController();
    const mine = busy;
    mine.set(id, abort);
    try {
      const entry = await fenced(own, (draft) => {
        // As it stands now: another tab may have squashed it, or put something before it.
        const found = draft.book.head(lane);
        if (found?.id !== id || !isTime(found, now()) || !may()) return undefined;
        const sent = go(found, { is: 'sent' });
        draft.put(sent);
        return sent;
      });
      if (entry && during === turn) {
        // The line may have been cut while that was written.
        const outcome = may() ? await attempt(entry, abort) : ({ is: 'unsent' } as const);
        // Keeps what came of it, however long that takes.
        await insist(
          () => fence === own,
          () =>
            fenced(own, (draft) => {
              const found = draft.book.get(id);
              if (found?.state === 'sending') draft.put(go(found, outcome));
            }),
        );
      }
    } catch (thrown) {
      rest(thrown);
    } finally {
      mine.delete(id);
      if (during === turn) pump();
    }
  }

  async function attempt(entry: OutboxEntry, abort: AbortController): Promise<Outcome> {
    const { signal } = abort;
    const began = now();
    const timeout = setTimeout(() => abort.abort(new Error('no answer')), SEND_MS);
    let outcome: Outcome;
    let raw: unknown;
    try {
      raw = await Promise.race([request(entry, signal), new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))]);
      outcome = { is: 'answer', answer: raw };
    } catch (thrown) {
      raw = thrown;
      outcome = outcomeOf(thrown, now());
    }
    clearTimeout(timeout);
    if (fence) answered(entry, outcome, raw, now() - began);
    // Whoever does not listen to the signal goes on for nobody.
    abort.abort();
    return outcome;
  }

  return {
    get leads() {
      return !!fence;
    },
    lead,
    yield: end,
    pump,
  };
}
