/** The outbox of one tab: what is kept in all of them, what becomes of it, and who waits for it here. */
import type { Election } from '../../client/leadership/election.js';
import type { ChannelLike } from '../../client/environment.js';
import type { OfflineEnvironment } from '../environment.js';
import { newNode } from '../clock/hlc.js';
import { BYPASS } from '../inside.js';
import { demand, offlineError } from '../error.js';
import { createEvent, type Say } from '../events.js';
import type { Change, Draft, Ended, Storage } from '../storage/types.js';
import { resolved } from '../sync/resolve.js';
import type { EntityKey, OutboxEntry, PauseReason, Problem, ProblemCode, Send } from '../types.js';
import { renamed, without } from './base.js';
import { isOpen, isUnsent, isUntouched, rowOf } from './entry.js';
import { createLead } from './lead.js';
import { baseOf, inputOf, isBare, isForeign, make, type Known, type Making, type Mutations } from './make.js';
import { outcomeOf, type Outcome } from './outcome.js';
import { createSender, type Migrate, type Sender } from './sender.js';
import { squash } from './squash.js';
import type { Added, Gone, Outbox } from './types.js';

/** Without a channel between tabs: how often one looks what the others have done. */
const LOOK_MS = 1_000;
/** What has to wait for longer than a back-off cannot be sent now: `flush` does not wait for it. */
const FLUSH_MS = 60_000;
/** Answers as the client gave them that are kept until it is known what became of their entries. */
const RAW_MOST = 100;

export interface OutboxHost {
  environment: OfflineEnvironment;
  name: string;
  mutations: Mutations;
  version: number;
  migrate: Migrate | undefined;
  parallel: number;
  known: Known;
  nextId: (draft: Draft) => string;
  send: () => Send | undefined;
  sourceId: () => string | undefined;
  /** The app's server has answered lately. */
  verified: () => boolean;
  heard: (outcome: Outcome, ms: number) => void;
  /** A person has looked at these versions. */
  seen: (key: EntityKey, versions: Readonly<Record<string, string>>) => void;
  problem: (problem: Problem) => void;
  say: Say;
  /** `paused`, `leader` or what is kept is another one. */
  changed: () => void;
}

interface Waiting {
  /** As it was seen last: what is sent by who finds it gone. */
  entry: OutboxEntry;
  resolve: (answer: unknown) => void;
  reject: (error: unknown) => void;
}

export interface OwnOutbox extends Outbox {
  /** The storage has changed. */
  found: (changes: readonly Change[], own: boolean) => void;
  start: () => void;
  /** The page goes, or is back. */
  hide: () => void;
  show: () => void;
  /** Tells the other tabs that this user has signed out, and ends. */
  forget: () => void;
  /** Another tab has said so. */
  end: () => void;
  close: () => void;
}

const TOLD: Partial<Record<OutboxEntry['state'], ProblemCode>> = { conflicted: 'conflict', rejected: 'rejected', dead: 'dead' };

export function createOutbox(host: OutboxHost, storage: Storage): OwnOutbox {
  const { environment, mutations, name, version, known, nextId, verified, problem, say } = host;
  const { setTimeout, clearTimeout, now } = environment;
  const reasons = new Set<PauseReason>(['starting', 'follower']);
  let paused: readonly PauseReason[] = [...reasons];
  const [subscribe, tell, listeners] = createEvent<[entries: readonly OutboxEntry[]]>(say);
  const [onChanges, tellChanges] = createEvent<[changes: readonly Change[]]>(say);
  const [onAck, tellAck] = createEvent<[entry: OutboxEntry, answer: unknown]>(say);
  const [onGone, tellGone] = createEvent<[entry: OutboxEntry, gone: Gone, into?: string]>(say);
  const waiting = new Map<string, Waiting[]>();
  /** What the client itself gave (`done`) or threw in this tab: its callers get the very same. */
  const raws = new Map<string, [done: boolean, raw: unknown]>();
  /** By lane, the last one that was sent without being kept, while it is on its way. */
  const straight = new Map<string, Promise<unknown>>();
  let channel: ChannelLike | undefined;
  let looking: unknown;
  let flushes: (() => void)[] = [];
  let started = false;
  let away = false;
  let closed = false;
  /** The browser was asked to keep what is here. */
  let asked = false;

  // --- pauses ---

  function reason(which: PauseReason, on: boolean): void {
    if (reasons.has(which) === on) return;
    if (on) reasons.add(which);
    else reasons.delete(which);
    paused = [...reasons];
    changed();
  }

  /** In all tabs: whoever leads next would ask in vain. */
  function everywhere(which: PauseReason, on: boolean): void {
    reason(which, on);
    post({ which, on });
  }

  /** Nothing of what waits can be sent now, whoever leads. */
  const stands = (): boolean => paused.some((which) => which !== 'follower' && which !== 'catching_up');

  function changed(): void {
    host.changed();
    look();
    sender.pump();
  }

  // --- tabs ---

  /** A pause of all tabs; `signed_out`: their end. Without `which`: something has changed. */
  interface Said {
    which?: PauseReason;
    on?: boolean;
  }

  function post(said: Said): void {
    try {
      channel?.postMessage(said);
    } catch (thrown) {
      environment.report(thrown);
    }
  }

  function listen(): void {
    if (!storage.kept) return;
    channel = environment.channel?.(name);
    if (!channel) return poll();
    channel.onmessage = ({ data: { which, on } }: { data: Said }) => {
      if (closed) return;
      if (!which) void storage.load();
      else if (which === 'signed_out') end(which);
      else reason(which, !!on);
    };
  }

  function poll(): void {
    clearTimeout(looking);
    looking = setTimeout(() => void storage.load().then(poll), LOOK_MS);
  }

  function enter(): void {
    listen();
    election.join();
  }

  function leave(): void {
    sender.yield();
    election.leave();
    channel?.close();
    channel = undefined;
    clearTimeout(looking);
  }

  // --- sending ---

  /** Undefined: there is nothing yet to send by. */
  function request(entry: OutboxEntry, signal?: AbortSignal): Promise<unknown> | undefined {
    return host.send()?.(entry.path, inputOf(entry, mutations, host.sourceId()), { context: { [BYPASS]: true }, signal });
  }

  const sender: Sender = createSender({
    ...host,
    storage,
    request,
    may: () => host.send() && paused.every((which) => which === 'follower'),
    answered(entry, outcome, raw, ms) {
      if (outcome.is === 'unauthorized') everywhere(outcome.is, true);
      if (raws.size >= RAW_MOST) raws.clear();
      raws.set(entry.id, [outcome.is === 'answer', raw]);
      host.heard(outcome, ms);
    },
    leads: (leads) => reason('follower', !leads),
    outdated() {
      if (!reasons.has('newer_version')) problem({ code: 'newer_version', message: 'a newer version of the app has made what waits: reload the page' });
      reason('newer_version', true);
      election.leave();
    },
    stale: follow,
  });

  const election: Election = createLead(environment, storage, name, { elected: () => void sender.lead(), deposed: follow });

  /** Whoever leads now is followed. */
  function follow(): void {
    sender.yield();
    election.join();
  }

  // --- what is kept has changed ---

  function found(changes: readonly Change[], own: boolean): void {
    if (closed) return;
    const { book } = storage;
    if (own) post({});
    // What the page finds when it begins is no news.
    const isNews = own || changes.some(([before]) => before);
    for (const [before, entry] of changes) {
      if (!entry || (before?.id === entry.id && before.state === entry.state)) continue;
      const { state, path, error, reason } = entry;
      if (state === 'acked') tellAck(entry, answerTo(entry));
      const code = TOLD[state];
      if (code && isNews) problem({ code, message: `${path}: ${error?.message ?? reason ?? state}`, entry, error });
    }
    for (const [entry] of changes) {
      const into = book.named(entry?.id)?.id;
      if (entry && into !== entry.id) tellGone(entry, into !== undefined && isOpen(entry) ? 'squashed' : !isOpen(entry) || isDone(entry.id) ? 'acked' : 'discarded', into);
    }
    for (const entry of changes.flat()) for (const id of entry ? [entry.id, ...entry.squashed] : []) settle(id, book.named(id));
    tellChanges(changes);
    if (listeners.size) tell(book.entries);
    if (reasons.has('newer_version') && !book.entries.some((entry) => entry.version > version)) {
      reason('newer_version', false);
      if (started && !away) election.join();
    }
    changed();
  }

  function answerTo({ id, answer }: OutboxEntry): unknown {
    const [done, raw] = raws.get(id) ?? [];
    return done ? raw : answer;
  }

  /** Whoever waits here hears of an end as soon as there is one. Undefined: it is there no more, and this tab has not heard what became of it. */
  function settle(id: string, entry: OutboxEntry | undefined): void {
    const all = waiting.get(id);
    if (!all?.[0]) return;
    if (entry && isUnsent(entry)) {
      for (const one of all) one.entry = entry;
      return;
    }
    waiting.delete(id);
    const last = all[0].entry;
    const end = entry ? answered(entry) : lost(id, last);
    for (const { resolve, reject } of all) end.then(resolve, reject);
    if (entry) raws.delete(entry.id);
  }

  async function answered(entry: OutboxEntry): Promise<unknown> {
    const { state, reason, error, path } = entry;
    if (state === 'acked') return answerTo(entry);
    const [done, raw] = raws.get(entry.id) ?? [];
    if (done === false) throw raw;
    const { message = `${path}: ${reason ?? state}`, data, httpStatus } = error ?? {};
    throw Object.assign(new Error(message), { name: 'TRPCClientError', data, shape: { message, data }, httpStatus });
  }

  const endOf = (id: string): Ended | undefined => storage.meta?.ended[id];

  /** Of what is there no more. Where the browser has thrown away what was kept it may never have been sent. */
  const isDone = (id: string): boolean => endOf(id) === 'squashed' || (!endOf(id) && storage.state !== 'lost' && id > (storage.meta?.forgot ?? ''));

  async function lost(id: string, entry: OutboxEntry): Promise<unknown> {
    const ended = endOf(id);
    if (ended && ended !== 'discarded') return undefined;
    // It was sent long ago by another tab: the server gives its answer again.
    const again = isDone(id) && !isBare(entry, mutations) && request(entry);
    if (!again) throw offlineError('DISCARDED', `${entry.path} was discarded`);
    return again;
  }

  // --- flush ---

  function look(): void {
    if (!flushes[0] || (storage.book.due(environment.now() + FLUSH_MS, 1, (entry) => isForeign(entry, mutations)).ready[0] && !stands())) return;
    const all = flushes;
    flushes = [];
    for (const done of all) done();
  }

  // --- what a person does ---

  const putAll = (draft: Draft, entries: readonly OutboxEntry[]): void => entries.forEach((entry) => draft.put(entry));

  /** `entry` stands in the place of those of these ids. */
  function replace(draft: Draft, ids: readonly string[], entry: OutboxEntry): void {
    for (const id of ids) draft.remove(id);
    draft.put(entry);
    for (const id of ids) putAll(draft, renamed(draft.book.lane(entry.lane), id, entry.id));
  }

  /** By a person, with what has moved because it is gone. */
  function discard(draft: Draft, entry: OutboxEntry, base = entry.base): void {
    draft.remove(entry.id, 'discarded');
    putAll(draft, without(draft.book.lane(entry.lane), entry, base));
  }

  /** Of an entry that was never sent. */
  const amend = (id: string, to: (entry: OutboxEntry) => Partial<OutboxEntry>): Promise<boolean> =>
    storage.change((draft) => {
      const entry = draft.book.get(id);
      if (!entry || !isUntouched(entry)) return false;
      draft.put({ ...entry, ...to(entry) });
      return true;
    });

  function end(why: PauseReason): void {
    if (closed) return;
    closed = true;
    reasons.add(why);
    paused = [...reasons];
    leave();
    storage.close();
    for (const all of waiting.values()) for (const { reject, entry } of all) reject(offlineError('STORAGE', `the outbox is closed, ${entry.path} may still be sent`));
    waiting.clear();
    look();
    host.changed();
  }

  return {
    get entries() {
      return storage.book.entries;
    },
    get book() {
      return storage.book;
    },
    get paused() {
      return paused;
    },
    get leader() {
      return sender.leads;
    },
    subscribe,
    onChanges,
    onAck,
    onGone,
    async add(path, input, { base } = {}) {
      const made = make(path, input, mutations, version, now());
      let id = '';
      let entry!: OutboxEntry;
      if (!asked) void environment.persist?.().catch(() => undefined);
      asked = true;
      try {
        await storage.change((draft) => {
          const { book, meta } = draft;
          const same = book.named(made.id);
          // What came to its end under this id has come to it.
          if (!same && meta.ended[`${made.id}`]) return void ([id, entry] = [`${made.id}`, { ...made, id: `${made.id}`, seq: 0, base: {} }]);
          id = made.id ?? nextId(draft);
          entry = same ?? { ...made, id, seq: meta.seq++, base: { ...baseOf(made, book.lane(made.lane), known), ...base } };
          if (same) return;
          const { entry: kept, removed } = squash(book, entry, mutations);
          if (kept) return replace(draft, removed, kept);
          for (const old of removed) draft.remove(old, 'nothing');
          meta.ended[id] = 'nothing';
        });
      } catch (thrown) {
        return direct(thrown, made);
      }
      const answer = new Promise<unknown>((resolve, reject) => {
        waiting.set(id, [...(waiting.get(id) ?? []), { entry, resolve, reject }]);
      });
      // Nobody need listen.
      answer.catch(() => undefined);
      // It may have an end already, or have been squashed away in the very change that brought it.
      settle(id, storage.book.named(id));
      return { id, answer, kept: true };
    },
    async resolve(id, how) {
      let key: EntityKey | undefined;
      let seen: Readonly<Record<string, string>> = {};
      await storage.change((draft) => {
        const entry = draft.book.get(id);
        if (entry?.state !== 'conflicted') return demand(false, 'id', 'of a conflicted entry', id, 'INVALID_FIELD');
        const next = resolved(entry, how, nextId(draft), mutations[entry.path]?.merge);
        seen = next.seen;
        key = rowOf(entry);
        if (next.entry) replace(draft, [id], next.entry);
        else discard(draft, entry, next.base);
      });
      if (key) host.seen(key, seen);
    },
    retry: (id) =>
      storage.change((draft) => {
        const entry = draft.book.get(id);
        // What could not be migrated is of a shape that the server does not take any more.
        const old = entry?.reason === 'schema' && entry.version < version;
        if (!entry || old || !/^(queued|rejected|dead)$/.test(entry.state)) return demand(false, 'id', 'of a queued, rejected or dead entry of this version', id, 'INVALID_FIELD');
        const { error, errors: _errors, reason: _reason, conflicts: _conflicts, ...rest } = entry;
        const next: OutboxEntry = { ...rest, state: 'queued', failures: 0, notBefore: 0 };
        // Under this id something else was done.
        const { pathcast } = Object(error?.data) as { pathcast?: { code?: unknown } };
        if (pathcast?.code !== 'TRANSACTION_MISMATCH') draft.put(next);
        else replace(draft, [id], { ...next, id: nextId(draft), squashed: [...entry.squashed, id], attempts: 0 });
      }),
    discard: (id) =>
      storage.change((draft) => {
        const entry = draft.book.get(id);
        if (!entry || /^(sending|acked)$/.test(entry.state)) return false;
        discard(draft, entry);
        return true;
      }),
    pause: (which) => reason(which, true),
    resume: (which) => (which === 'unauthorized' ? everywhere : reason)(which, false),
    flush: () =>
      new Promise((done) => {
        flushes.push(done);
        look();
      }),
    conflict: (id, conflicts) => amend(id, () => ({ state: 'conflicted', conflicts })),
    rebase: (id, base) => amend(id, (entry) => ({ base: { ...entry.base, ...base } })),
    found,
    start() {
      if (closed) return;
      if (!started) {
        enter();
        // What another tab has kept since this one has read it, and before it listened.
        void storage.load();
        // A page that begins may have signed in: whoever leads asks again.
        everywhere('unauthorized', false);
      }
      started = true;
      reason('starting', false);
      sender.pump();
    },
    hide() {
      if (away || !started || closed) return;
      away = true;
      leave();
    },
    show() {
      if (!away || closed) return;
      away = false;
      enter();
      // Whatever the others have said meanwhile.
      reason('unauthorized', false);
      void storage.load();
    },
    forget() {
      post({ which: 'signed_out' });
      end('signed_out');
    },
    end: () => end('signed_out'),
    close: () => end('starting'),
  };

  /** There is no room to keep it; where nothing of its lane waits and the server answers, it need not be kept. */
  function direct(thrown: unknown, made: Making): Added {
    const { book, meta, state } = storage;
    const { lane } = made;
    const lanes = [lane, ...made.after];
    const waits = lanes.some((other) => book.lane(other)[0]);
    if (!(thrown as { retryable?: unknown }).retryable || waits || state !== 'full' || stands() || !verified()) throw thrown;
    // Not in a transaction: another tab may do the same at the same moment, under a name of its own.
    const id = made.id ?? nextId({ meta: { ...meta, node: newNode(environment) } } as Draft);
    const entry: OutboxEntry = { ...made, id, seq: 0, base: baseOf(made, book.lane(lane), known) };
    if (!host.send()) throw thrown;
    // One behind the other, as those that are kept.
    const answer = Promise.allSettled(lanes.map(async (other) => straight.get(other))).then(() => request(entry));
    straight.set(lane, answer);
    const over = (outcome: Outcome): void => {
      if (straight.get(lane) === answer) straight.delete(lane);
      host.heard(outcome, 0);
    };
    answer.then(
      () => over({ is: 'answer', answer: undefined }),
      (error: unknown) => over(outcomeOf(error, now())),
    );
    return { id, answer, kept: false };
  }
}
