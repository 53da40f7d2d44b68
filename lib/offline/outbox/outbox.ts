/** The outbox of one tab: what is kept in all of them, what becomes of it, and who waits for it here. */
import type { Election } from '../../client/leadership/election.js';
import type { ChannelLike } from '../../client/environment.js';
import type { OfflineEnvironment } from '../environment.js';
import { BYPASS } from '../inside.js';
import { offlineError } from '../error.js';
import { isUnsent } from '../storage/storage.js';
import type { Draft, Storage } from '../storage/types.js';
import { resolved } from '../sync/resolve.js';
import type { EntityKey, OutboxEntry, PauseReason, Problem, ProblemCode, Send } from '../types.js';
import { renamed, without } from './base.js';
import { due } from './lanes.js';
import { createLead } from './lead.js';
import { baseOf, inputOf, isBare, make, type Known, type Mutations } from './make.js';
import { outcomeOf, type Outcome } from './outcome.js';
import { createSender, type Migrate, type Sender } from './sender.js';
import { squash } from './squash.js';
import type { Added, Gone, Outbox } from './types.js';

/** Without a channel between tabs: how often one looks what the others have done. */
const LOOK_MS = 1_000;
/** What is raw, of answers that nobody here waits for. */
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
  say: <Value>(listener: (value: Value) => void, value: Value) => void;
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
  found(before: readonly OutboxEntry[], own: boolean): void;
  start(): void;
  /** The page goes, or is back. */
  hide(): void;
  show(): void;
  /** Tells the other tabs that this user has signed out, and ends. */
  forget(): void;
  /** Another tab has said so. */
  end(): void;
  close(): void;
}

/** Pauses during which nothing of what waits can be sent, whoever leads. */
const STANDS: readonly PauseReason[] = ['starting', 'offline', 'unauthorized', 'by_hand', 'newer_version', 'signed_out', 'storage'];

const TOLD: Partial<Record<OutboxEntry['state'], ProblemCode>> = { conflicted: 'conflict', rejected: 'rejected', dead: 'dead' };

export function createOutbox(host: OutboxHost, storage: Storage): OwnOutbox {
  const { environment, mutations, name } = host;
  const tab = String(environment.random()).slice(2);
  const reasons = new Set<PauseReason>(['starting', 'follower']);
  let paused: readonly PauseReason[] = [...reasons];
  const listeners = new Set<(entries: readonly OutboxEntry[]) => void>();
  const acks = new Set<(one: { entry: OutboxEntry; answer: unknown }) => void>();
  const ends = new Set<(one: { entry: OutboxEntry; gone: Gone; into: string | undefined }) => void>();
  const words = new Map<string, Set<(word: unknown) => void>>();
  const waiting = new Map<string, Waiting[]>();
  /** What the client itself gave or threw in this tab: its callers get the very same. */
  const raws = new Map<string, { done: boolean; raw: unknown }>();
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
    say({ is: 'pause', which, on });
  }

  function changed(): void {
    host.changed();
    look();
    sender.pump();
  }

  // --- tabs ---

  type Said = { is: 'changed' } | { is: 'forget' } | { is: 'pause'; which: PauseReason; on: boolean } | { is: 'word'; part: string; word: unknown };

  function say(said: Said): void {
    try {
      channel?.postMessage(said);
    } catch (thrown) {
      environment.report(thrown);
    }
  }

  function hear(said: Said): void {
    if (closed) return;
    if (said.is === 'changed') void reload();
    else if (said.is === 'forget') end('signed_out');
    else if (said.is === 'pause') reason(said.which, said.on);
    else for (const listener of [...(words.get(said.part) ?? [])]) host.say(listener, said.word);
  }

  const reload = (): Promise<void> => storage.load().catch(() => undefined);

  function listen(): void {
    if (!storage.kept) return;
    channel = environment.channel?.(name);
    if (channel) channel.onmessage = ({ data }: { data: unknown }) => hear(data as Said);
    else poll();
  }

  function poll(): void {
    environment.clearTimeout(looking);
    looking = environment.setTimeout(() => void reload().then(poll), LOOK_MS);
  }

  // --- leading ---

  const sender: Sender = createSender({
    ...host,
    storage,
    paused: () => paused.some((which) => which !== 'follower'),
    heard(entry, outcome, raw, ms) {
      if (outcome.is === 'unauthorized') everywhere('unauthorized', true);
      if (raws.size >= RAW_MOST) raws.clear();
      if (waiting.has(entry.id)) raws.set(entry.id, { done: outcome.is === 'answer', raw });
      host.heard(outcome, ms);
    },
    leads: (leads) => reason('follower', !leads),
    outdated() {
      if (!reasons.has('newer_version')) host.problem({ code: 'newer_version', message: 'what waits was made by a newer version of the app: reload the page' });
      reason('newer_version', true);
      election.leave();
    },
    // Whoever leads now is followed.
    stale: () => election.join(),
  });

  const election: Election = createLead({ environment, storage, name, tab }, { elected: () => void sender.lead(), deposed: () => (sender.yield(), election.join()) });

  // --- what is kept has changed ---

  function found(before: readonly OutboxEntry[], own: boolean): void {
    if (closed) return;
    const { entries } = storage;
    if (own) say({ is: 'changed' });
    const was = new Map(before.map((entry) => [entry.id, entry]));
    const now = new Map(entries.map((entry) => [entry.id, entry]));
    const into = new Map(entries.flatMap(({ id, squashed }) => squashed.map((old) => [old, id] as const)));
    const told = before.length > 0 || own;
    for (const entry of entries) {
      const old = was.get(entry.id);
      if (old?.state === entry.state) continue;
      if (entry.state === 'acked') {
        const own = raws.get(entry.id);
        const answer = own?.done ? own.raw : entry.answer;
        for (const listener of [...acks]) host.say(listener, { entry, answer });
      }
      const code = TOLD[entry.state];
      if (code && told) host.problem({ code, message: `${entry.path}: ${entry.error?.message ?? entry.reason ?? entry.state}`, entry, error: entry.error });
    }
    for (const [id, entry] of was) {
      if (now.has(id)) continue;
      const other = into.get(id);
      const gone: Gone = entry.state === 'acked' ? 'acked' : other !== undefined ? 'squashed' : 'discarded';
      for (const listener of [...ends]) host.say(listener, { entry, gone, into: other });
    }
    for (const [id, all] of waiting) {
      const entry = now.get(id) ?? now.get(into.get(id) ?? '');
      if (entry) settle(id, all, entry);
      else lost(id, all);
    }
    for (const listener of [...listeners]) if (listeners.has(listener)) host.say(listener, entries);
    if (reasons.has('newer_version') && !entries.some(({ version }) => version > host.version)) {
      reason('newer_version', false);
      if (started && !away) election.join();
    }
    changed();
  }

  /** Whoever waits here hears of an end as soon as there is one. */
  function settle(id: string, all: Waiting[], entry: OutboxEntry): void {
    const { state, error, reason } = entry;
    if (isUnsent(entry)) {
      for (const one of all) one.entry = entry;
      return;
    }
    waiting.delete(id);
    const own = raws.get(entry.id);
    const { message = `${entry.path}: ${reason ?? state}`, data, httpStatus } = error ?? {};
    const thrown = own?.done === false ? own.raw : Object.assign(new Error(message), { name: 'TRPCClientError', data, shape: { message, data }, httpStatus });
    for (const { resolve, reject } of all) {
      if (state === 'acked') resolve(own?.done ? own.raw : entry.answer);
      else reject(thrown);
    }
    raws.delete(entry.id);
  }

  /** It is there no more, and this tab has not heard what became of it. */
  function lost(id: string, all: Waiting[]): void {
    waiting.delete(id);
    const ended = storage.meta?.ended[id];
    const { entry } = all[0] as Waiting;
    const discarded = offlineError('DISCARDED', `${entry.path} was discarded before it was sent`);
    const send = host.send();
    // It was sent long ago by another tab: the server gives its answer again.
    const again = !ended && send && !isBare(entry, mutations) && send(entry.path, inputOf(entry, mutations, host.sourceId()), { context: { [BYPASS]: true } });
    for (const { resolve, reject } of all) {
      if (ended === 'nothing') resolve(undefined);
      else if (again) again.then(resolve, reject);
      else reject(discarded);
    }
  }

  function answerOf(id: string, entry: OutboxEntry): Promise<unknown> {
    const answer = new Promise<unknown>((resolve, reject) => {
      const all = waiting.get(id) ?? [];
      all.push({ entry, resolve, reject });
      waiting.set(id, all);
    });
    // Nobody need listen.
    answer.catch(() => undefined);
    return answer;
  }

  /** Of what has an end already, or has been squashed away in the very change that brought it. */
  function settled(id: string): void {
    const all = waiting.get(id);
    if (!all) return;
    const entry = storage.entries.find((one) => one.id === id || one.squashed.includes(id));
    if (entry) settle(id, all, entry);
    else lost(id, all);
  }

  // --- flush ---

  function isIdle(): boolean {
    const { ready } = due(storage.entries, Infinity);
    return !ready[0] || paused.some((which) => STANDS.includes(which));
  }

  function look(): void {
    if (!flushes[0] || !isIdle()) return;
    const all = flushes;
    flushes = [];
    for (const done of all) done();
  }

  // --- what a person does ---

  /** Puts what has moved because `entry` is gone. */
  const letGo = (draft: Draft, entry: OutboxEntry, base = entry.base): void => {
    for (const one of without(draft.entries, entry, base)) draft.put(one);
  };

  const find = ({ entries }: Pick<Draft, 'entries'>, id: string): OutboxEntry | undefined => entries.find((entry) => entry.id === id);

  function end(why: PauseReason): void {
    if (closed) return;
    closed = true;
    reasons.add(why);
    paused = [...reasons];
    sender.yield();
    election.leave();
    environment.clearTimeout(looking);
    channel?.close();
    storage.close();
    for (const all of waiting.values()) for (const { reject, entry } of all) reject(offlineError('STORAGE', `${entry.path} may still be sent: this object is closed`));
    waiting.clear();
    look();
    host.changed();
  }

  const own: OwnOutbox = {
    get entries() {
      return storage.entries;
    },
    get paused() {
      return paused;
    },
    get leader() {
      return sender.fence !== undefined;
    },
    subscribe(listener) {
      const one = (entries: readonly OutboxEntry[]): void => listener(entries);
      listeners.add(one);
      return () => void listeners.delete(one);
    },
    async add(path, input, options = {}) {
      const made = make(path, input, mutations, host.version, environment.now());
      let id = '';
      let entry!: OutboxEntry;
      if (!asked) void environment.persist?.().catch(() => undefined);
      asked = true;
      try {
        await storage.change((draft) => {
          const { entries, meta } = draft;
          // The same again is the same.
          const same = made.id === undefined ? undefined : entries.find((one) => one.id === made.id || one.squashed.includes(made.id as string));
          id = made.id ?? host.nextId(draft);
          entry = same ?? { ...made, id, seq: meta.seq++, base: { ...baseOf(made, entries, host.known), ...options.base } };
          if (same) return;
          const { entry: kept, removed } = squash(entries, entry, mutations);
          for (const old of removed) draft.remove(old, kept ? undefined : 'nothing');
          if (!kept) meta.ended[id] = 'nothing';
          else {
            draft.put(kept);
            for (const old of removed) for (const one of renamed(draft.entries, old, id)) draft.put(one);
          }
        });
      } catch (thrown) {
        return direct(thrown, made, path);
      }
      const answer = answerOf(id, entry);
      settled(id);
      return { id, answer, kept: true };
    },
    async resolve(id, how) {
      let key: EntityKey | undefined;
      let seen: Readonly<Record<string, string>> = {};
      await storage.change((draft) => {
        const entry = find(draft, id);
        if (entry?.state !== 'conflicted') throw offlineError('INVALID_FIELD', `id must be of a conflicted entry, got ${JSON.stringify(id)}`);
        const next = resolved(entry, how, host.nextId(draft), mutations[entry.path]?.merge);
        seen = next.seen;
        if (entry.entity !== undefined && entry.entityId !== undefined) key = { entity: entry.entity, id: entry.entityId };
        draft.remove(id, next.entry ? undefined : 'discarded');
        if (next.entry) {
          draft.put({ ...next.entry, failures: 0 });
          for (const one of renamed(draft.entries, id, next.entry.id)) draft.put(one);
        } else letGo(draft, entry, next.base);
      });
      if (key) host.seen(key, seen);
    },
    async retry(id) {
      await storage.change((draft) => {
        const entry = find(draft, id);
        const { error, errors: _errors, reason: _reason, conflicts: _conflicts, ...rest } = entry ?? ({} as OutboxEntry);
        if (!entry || !/^(queued|rejected|dead)$/.test(entry.state)) throw offlineError('INVALID_FIELD', `id must be of an entry that is queued, rejected or dead, got ${JSON.stringify(id)}`);
        const next: OutboxEntry = { ...rest, state: 'queued', failures: 0, notBefore: 0 };
        // Under this id something else was done.
        const taken = (error?.data as { pathcast?: { code?: unknown } } | undefined)?.pathcast?.code === 'TRANSACTION_MISMATCH';
        if (!taken) return draft.put(next);
        draft.remove(id);
        const renewed = host.nextId(draft);
        draft.put({ ...next, id: renewed, squashed: [...entry.squashed, id], attempts: 0 });
        for (const one of renamed(draft.entries, id, renewed)) draft.put(one);
      });
    },
    discard: (id) =>
      storage.change((draft) => {
        const entry = find(draft, id);
        if (!entry || entry.state === 'sending' || entry.state === 'acked') return false;
        draft.remove(id, 'discarded');
        letGo(draft, entry);
        return true;
      }),
    pause: (which) => reason(which, true),
    resume: (which) => (which === 'unauthorized' ? everywhere : reason)(which, false),
    flush: () =>
      new Promise((done) => {
        flushes.push(done);
        look();
      }),
    conflict: (id, conflicts) =>
      storage.change((draft) => {
        const entry = find(draft, id);
        if (entry?.state !== 'queued' || entry.attempts) return false;
        draft.put({ ...entry, state: 'conflicted', conflicts });
        return true;
      }),
    rebase: (id, base) =>
      storage.change((draft) => {
        const entry = find(draft, id);
        if (entry?.state !== 'queued' || entry.attempts) return false;
        draft.put({ ...entry, base: { ...entry.base, ...base } });
        return true;
      }),
    post: (part, word) => say({ is: 'word', part, word }),
    heard(part, listener) {
      const all = words.get(part) ?? new Set();
      words.set(part, all);
      const one = (word: unknown): void => listener(word);
      all.add(one);
      return () => void all.delete(one);
    },
    onAck(listener) {
      const one = ({ entry, answer }: { entry: OutboxEntry; answer: unknown }): void => listener(entry, answer);
      acks.add(one);
      return () => void acks.delete(one);
    },
    onGone(listener) {
      const one = ({ entry, gone, into }: { entry: OutboxEntry; gone: Gone; into: string | undefined }): void => listener(entry, gone, into);
      ends.add(one);
      return () => void ends.delete(one);
    },
    found,
    start() {
      if (closed) return;
      if (!started) {
        started = true;
        listen();
        election.join();
      }
      reason('starting', false);
      sender.pump();
    },
    hide() {
      if (away || !started || closed) return;
      away = true;
      sender.yield();
      election.leave();
      channel?.close();
      channel = undefined;
      environment.clearTimeout(looking);
    },
    show() {
      if (!away || closed) return;
      away = false;
      listen();
      void reload();
      election.join();
    },
    forget() {
      say({ is: 'forget' });
      end('signed_out');
    },
    end: () => end('signed_out'),
    close: () => end('starting'),
  };

  /** There is no room to keep it; where nothing of its lane waits and the server answers, it need not be kept. */
  function direct(thrown: unknown, made: ReturnType<typeof make>, path: string): Added {
    const send = host.send();
    const free = storage.state === 'full' && host.verified() && send && !paused.some((which) => STANDS.includes(which));
    const waits = storage.entries.some(({ state, lane }) => state !== 'acked' && (lane === made.lane || made.after.includes(lane)));
    if (!free || waits || !(thrown as { retryable?: unknown }).retryable) throw thrown;
    // Not in a transaction: another tab may do the same at the same moment, under a name of its own.
    const id = made.id ?? host.nextId({ meta: { ...storage.meta, node: tab.slice(0, 12) } } as Draft);
    const entry: OutboxEntry = { ...made, id, seq: 0, base: baseOf(made, storage.entries, host.known) };
    const answer = send(path, inputOf(entry, mutations, host.sourceId()), { context: { [BYPASS]: true } });
    answer.then(
      () => host.heard({ is: 'answer', answer: undefined }, 0),
      (error: unknown) => host.heard(outcomeOf(error), 0),
    );
    return { id, answer, kept: false };
  }

  return own;
}
