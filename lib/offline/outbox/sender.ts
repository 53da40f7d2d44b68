/** Sends what is due, in the tab that leads. Each of its writes checks, in its own transaction, that it still does. */
import { BYPASS } from '../inside.js';
import type { OfflineEnvironment } from '../environment.js';
import { isUnsent } from '../storage/storage.js';
import type { Draft, Storage } from '../storage/types.js';
import type { OutboxEntry, Problem, Send } from '../types.js';
import { due } from './lanes.js';
import { inputOf, isBare, type Mutations } from './make.js';
import { outcomeOf, type Outcome } from './outcome.js';
import { step, type Moment } from './step.js';

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
  send: () => Send | undefined;
  sourceId: () => string | undefined;
  paused: () => boolean;
  problem: (problem: Problem) => void;
  /** What came of a request, before it is kept; `raw`: what the client gave, or threw. */
  heard: (entry: OutboxEntry, outcome: Outcome, raw: unknown, ms: number) => void;
  /** Leads, or leads no more. */
  leads: (leads: boolean) => void;
  /** Entries are there that a newer version of the app has made. */
  outdated: () => void;
  /** Another tab leads. */
  stale: () => void;
}

export interface Sender {
  readonly fence: number | undefined;
  lead(): Promise<void>;
  yield(): void;
  /** Looks what is due. */
  pump(): void;
}

/** Another tab leads. One object, told by itself. */
const STALE = new Error('stale');

export function createSender(host: SenderHost): Sender {
  const { environment, storage, mutations } = host;
  let fence: number | undefined;
  /** Grows with each lead, and each end of one. */
  let turn = 0;
  let busy = new Map<string, AbortController>();
  let timer: unknown;
  let failures = 0;
  let resting = false;

  const momentOf = (entry: OutboxEntry): Moment => ({ now: environment.now(), random: environment.random, bare: isBare(entry, mutations) });
  const wait = (ms: number): Promise<void> => new Promise((done) => environment.setTimeout(done, ms));
  const pause = (): Promise<void> => wait(KEEP_MS * 2 ** Math.min(failures++, 4) * (0.5 + environment.random() / 2));

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
        end();
        host.stale();
      }
      throw thrown;
    }
  }

  function end(): void {
    turn += 1;
    environment.clearTimeout(timer);
    for (const abort of busy.values()) abort.abort();
    busy = new Map();
    if (fence === undefined) return;
    fence = undefined;
    host.leads(false);
  }

  async function lead(): Promise<void> {
    end();
    const own = turn;
    for (;;) {
      try {
        const failed: [OutboxEntry, unknown][] = [];
        const won = await storage.change((draft) => {
          failed.length = 0;
          if (draft.entries.some(({ version }) => version > host.version)) return undefined;
          draft.meta.fence += 1;
          draft.meta.version = host.version;
          for (const entry of draft.entries) take(draft, entry, failed);
          return draft.meta.fence;
        });
        if (own !== turn) return;
        if (won === undefined) return host.outdated();
        fence = won;
        for (const [entry, error] of failed) host.problem({ code: 'migration_failed', message: `${entry.path} of version ${entry.version} cannot be sent any more`, entry, error });
        host.leads(true);
        return pump();
      } catch {
        await pause();
        if (own !== turn) return;
      }
    }
  }

  /** What a former leader, or a former version of the app, has left. */
  function take(draft: Draft, entry: OutboxEntry, failed: [OutboxEntry, unknown][]): void {
    let now = entry;
    if (entry.version < host.version && entry.state !== 'acked') {
      let error: unknown;
      let moved: OutboxEntry | null = null;
      try {
        moved = host.migrate ? host.migrate(entry, entry.version) : entry;
      } catch (thrown) {
        error = thrown;
      }
      if (moved) {
        const { path, input, fields, kind } = moved;
        now = { ...entry, path, input, fields, kind, version: host.version };
      } else {
        now = { ...entry, version: host.version, state: 'dead', reason: 'schema' };
        failed.push([entry, error]);
      }
    }
    if (now.state === 'sending' && isBare(now, mutations)) now = step(now, { is: 'unknown' }, momentOf(now));
    if (isUnsent(now) && !mutations[now.path]) now = { ...now, state: 'dead', reason: 'invalid' };
    if (now !== entry) draft.put(now);
  }

  function pump(): void {
    environment.clearTimeout(timer);
    if (fence === undefined) return;
    const now = environment.now();
    let next = clean(now);
    if (!host.paused() && host.send() && !resting) {
      const { ready, next: later } = due(storage.entries, now, new Set(busy.keys()));
      for (const { id } of ready) if (busy.size < host.parallel && !busy.has(id)) void one(id, fence, turn);
      next = Math.min(next, later ?? Infinity);
    }
    if (next < Infinity) timer = environment.setTimeout(pump, Math.min(Math.max(next - now, 0), LONGEST_MS));
  }

  /** Removes what was answered long ago. Gives when the next one is. */
  function clean(now: number): number {
    const acked = storage.entries.filter(({ state }) => state === 'acked');
    const over = acked.length - ACKED_MOST;
    const old = acked.filter(({ ackedAt = 0 }, nth) => nth < over || Math.abs(now - ackedAt) >= ACKED_MS);
    if (old[0] && !resting) {
      void fenced(fence as number, (draft) => {
        for (const { id } of old) draft.remove(id);
      }).catch(rest);
    }
    return Math.min(...acked.filter((entry) => !old.includes(entry)).map(({ ackedAt = 0 }) => ackedAt + ACKED_MS));
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

  async function one(id: string, own: number, during: number): Promise<void> {
    const abort = new AbortController();
    const mine = busy;
    mine.set(id, abort);
    try {
      const entry = await fenced(own, (draft) => {
        // As it stands now: another tab may have squashed it, or put something before it.
        const found = due(draft.entries, environment.now()).ready.find((one) => one.id === id);
        if (!found || host.paused()) return undefined;
        const sent = step(found, { is: 'sent' }, momentOf(found));
        draft.put(sent);
        return sent;
      });
      if (entry && during === turn) await settle(entry, own, await attempt(entry, abort));
    } catch (thrown) {
      rest(thrown);
    } finally {
      mine.delete(id);
      if (during === turn) pump();
    }
  }

  async function attempt(entry: OutboxEntry, abort: AbortController): Promise<Outcome> {
    const began = environment.now();
    let outcome: Outcome;
    let raw: unknown;
    let timeout: unknown;
    try {
      const send = host.send() as Send;
      raw = await Promise.race([
        send(entry.path, inputOf(entry, mutations, host.sourceId()), { context: { [BYPASS]: true }, signal: abort.signal }),
        new Promise((_, reject) => {
          timeout = environment.setTimeout(() => reject(new Error(`no answer in ${SEND_MS} ms`)), SEND_MS);
          abort.signal.addEventListener('abort', () => reject(new Error('this tab leads no more')));
        }),
      ]);
      outcome = { is: 'answer', answer: raw };
    } catch (thrown) {
      raw = thrown;
      outcome = outcomeOf(thrown);
    }
    environment.clearTimeout(timeout);
    if (fence !== undefined) host.heard(entry, outcome, raw, environment.now() - began);
    // Whoever does not listen to the signal goes on for nobody.
    abort.abort();
    return outcome;
  }

  /** Keeps what came of it, however long that takes. */
  async function settle({ id }: OutboxEntry, own: number, outcome: Outcome): Promise<void> {
    for (;;) {
      try {
        return await fenced(own, (draft) => {
          const found = draft.entries.find((entry) => entry.id === id);
          if (found?.state === 'sending') draft.put(step(found, outcome, momentOf(found)));
        });
      } catch (thrown) {
        if (thrown === STALE || fence !== own) return;
        await pause();
      }
    }
  }

  return {
    get fence() {
      return fence;
    },
    lead,
    yield: end,
    pump,
  };
}
