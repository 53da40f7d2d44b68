/**
 * Who is there: users, whatever the tabs, by what the app said of their streams. Joins and leaves are ephemeral events of the topic
 * `presence`. A user whose last stream has ended leaves a while later, so that a reload or a reconnect is no leave.
 */
import type { PresenceNews, PresenceStore, PresenceValue } from '../../internal/presence.js';

/** Who is there, as an app is told. */
export interface PresentUser {
  userId: string;
  topics: readonly string[];
  /** Of the stream that opened last and had any; null where none had. */
  data: unknown;
  /** Unix ms: when the first of its streams opened. */
  since: number;
}

/** `data` of the ephemeral event. `update`: another topic, or other data. */
export type PresenceEvent = { event: 'join' | 'update' | 'leave' } & PresentUser;

/** ms; longer than a client's first tries to come back. */
export const LEAVES_AFTER_MS = 5_000;

interface One {
  readonly topics: readonly string[];
  readonly data: string;
  readonly since: number;
}

interface Local {
  readonly streams: Map<string, One>;
  told: PresenceValue | undefined;
  leaving: (() => void) | undefined;
}

export interface BoardHost {
  readonly store: PresenceStore;
  tell(companyId: string, event: PresenceEvent): void;
  now(): number;
  /** Calls `then` once, `ms` later; the returned function prevents it. */
  later(ms: number, then: () => void): () => void;
}

/** Only this process. */
export const memoryStore: PresenceStore = {
  enter: () => Promise.resolve([]),
  leave: () => Promise.resolve([]),
  list: () => Promise.resolve([]),
};

export class PresenceBoard implements PresenceNews {
  readonly #host: BoardHost;
  readonly #users = new Map<string, Map<string, Local>>();
  readonly #streams = new Map<string, { companyId: string; userId: string }>();

  constructor(host: BoardHost) {
    this.#host = host;
  }

  enter(id: string, companyId: string, userId: string, { topics, data }: { topics: readonly string[]; data: string }): void {
    let users = this.#users.get(companyId);
    if (!users) this.#users.set(companyId, (users = new Map<string, Local>()));
    let local = users.get(userId);
    if (!local) users.set(userId, (local = { streams: new Map<string, One>(), told: undefined, leaving: undefined }));
    local.leaving?.();
    local.leaving = undefined;
    local.streams.set(id, { topics, data, since: this.#host.now() });
    this.#streams.set(id, { companyId, userId });
    void this.#say(companyId, userId, local);
  }

  /** Idempotent. */
  exit(id: string): void {
    const who = this.#streams.get(id);
    if (!who) return;
    this.#streams.delete(id);
    const { companyId, userId } = who;
    const local = this.#users.get(companyId)?.get(userId);
    if (!local?.streams.delete(id)) return;
    if (local.streams.size > 0) void this.#say(companyId, userId, local);
    else local.leaving = this.#host.later(LEAVES_AFTER_MS, () => void this.#leave(companyId, userId, local));
  }

  async list(companyId: string, topic?: string): Promise<PresentUser[]> {
    const found = new Map<string, PresenceValue[]>();
    const add = (userId: string, value: PresenceValue): void => {
      const values = found.get(userId);
      if (values) values.push(value);
      else found.set(userId, [value]);
    };
    const everywhere = await this.#host.store.list(companyId);
    for (const [userId, value] of everywhere) add(userId, value);
    if (everywhere.length === 0) {
      for (const [userId, { told }] of this.#users.get(companyId) ?? []) if (told) add(userId, told);
    }
    return [...found]
      .map(([userId, values]) => presentUser(userId, values))
      .filter(({ topics }) => topic === undefined || topics.includes(topic))
      .sort((a, b) => a.since - b.since || (a.userId < b.userId ? -1 : 1));
  }

  close(): void {
    for (const users of this.#users.values()) for (const { leaving } of users.values()) leaving?.();
    this.#users.clear();
    this.#streams.clear();
  }

  // --- PresenceNews ---

  left(companyId: string, userId: string, value: PresenceValue): void {
    this.#tell(companyId, userId, 'leave', [value]);
  }

  back(companyId: string, userId: string): void {
    const told = this.#users.get(companyId)?.get(userId)?.told;
    if (told) this.#tell(companyId, userId, 'join', [told]);
  }

  // --- inside ---

  async #say(companyId: string, userId: string, local: Local): Promise<void> {
    const before = local.told;
    const value = valueOf([...local.streams.values()]);
    if (before && saysTheSame(before, value)) return;
    local.told = value;
    const others = await this.#host.store.enter(companyId, userId, value);
    if (!before && others.length === 0) this.#tell(companyId, userId, 'join', [value]);
    else this.#tellChange(companyId, userId, before ? [...others, before] : others, [...others, value]);
  }

  async #leave(companyId: string, userId: string, local: Local): Promise<void> {
    const users = this.#users.get(companyId);
    if (local.streams.size > 0 || users?.get(userId) !== local) return;
    users.delete(userId);
    if (users.size === 0) this.#users.delete(companyId);
    const { told } = local;
    const others = await this.#host.store.leave(companyId, userId);
    if (!told) return;
    if (others.length === 0) this.#tell(companyId, userId, 'leave', [told]);
    else this.#tellChange(companyId, userId, [...others, told], others);
  }

  #tellChange(companyId: string, userId: string, before: readonly PresenceValue[], after: readonly PresenceValue[]): void {
    if (!saysTheSame(merged(before), merged(after))) this.#tell(companyId, userId, 'update', after);
  }

  #tell(companyId: string, userId: string, event: PresenceEvent['event'], values: readonly PresenceValue[]): void {
    this.#host.tell(companyId, { event, ...presentUser(userId, values) });
  }
}

function presentUser(userId: string, values: readonly PresenceValue[]): PresentUser {
  const { topics, data, since } = merged(values);
  return { userId, topics, data: JSON.parse(data) as unknown, since };
}

function valueOf(streams: readonly One[]): PresenceValue {
  const topics = [...new Set(streams.flatMap((stream) => stream.topics))].sort();
  const data = streams.findLast((stream) => stream.data !== 'null')?.data ?? 'null';
  return { topics, data, since: Math.min(...streams.map(({ since }) => since)) };
}

function merged(values: readonly PresenceValue[]): PresenceValue {
  return valueOf([...values].sort((a, b) => a.since - b.since));
}

/** But for since when: who opens a second tab and closes the first has not come anew. */
function saysTheSame(a: PresenceValue, b: PresenceValue): boolean {
  return a.data === b.data && a.topics.length === b.topics.length && a.topics.every((topic, at) => topic === b.topics[at]);
}
