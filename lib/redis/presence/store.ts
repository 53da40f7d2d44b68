/** Who is there, over all nodes (`scripts/here.ts`). While Redis is away each node knows its own; it tells them when Redis is back. */
import type { BrokerReply } from '../../internal/broker.js';
import type { PresenceNews, PresenceStore, PresenceValue } from '../../internal/presence.js';
import { decodeCompany, encodeCompany, presenceKey } from '../keys.js';
import { LIFE_MS, texts, type Holder, type Life, type RestoreMode } from '../nodes/life.js';
import { nodesKey } from '../keys.js';
import { HERE } from '../scripts/here.js';

const SCRIPT = { name: 'here', body: HERE };
const KEYS_LIVE_MS = 86_400_000;
const MAX_TRIES = 3;

/** Companies that are looked through at once. */
const SWEPT_AT_ONCE = 100;

/** By user, encoded: what this node has told, or wants to. */
type Here = Map<string, string>;

export class RedisPresence implements PresenceStore, Holder {
  readonly #life: Life;
  readonly #news: PresenceNews;
  readonly #companies = new Map<string, Here>();
  readonly #watched: () => Promise<ReadonlySet<string>>;
  #sweeping: Promise<void> | undefined;

  /** `watched`: the companies of which somebody at this node hears who comes and goes. */
  constructor(life: Life, news: PresenceNews, watched: () => Promise<ReadonlySet<string>>) {
    this.#life = life;
    this.#news = news;
    this.#watched = watched;
    life.hold(this);
    life.onLoss(() => {
      this.#sweeping ??= this.#sweep().finally(() => (this.#sweeping = undefined));
    });
  }

  async enter(companyId: string, userId: string, value: PresenceValue): Promise<readonly PresenceValue[]> {
    const user = encodeCompany(userId);
    const text = JSON.stringify(value);
    let here = this.#companies.get(companyId);
    if (!here) this.#companies.set(companyId, (here = new Map<string, string>()));
    here.set(user, text);
    return (await this.#ask(companyId, 'enter', user, text)).flatMap(valueOf);
  }

  async leave(companyId: string, userId: string): Promise<readonly PresenceValue[]> {
    const user = encodeCompany(userId);
    const here = this.#companies.get(companyId);
    here?.delete(user);
    if (here?.size === 0) this.#companies.delete(companyId);
    return (await this.#ask(companyId, 'leave', user)).flatMap(valueOf);
  }

  async list(companyId: string): Promise<readonly (readonly [string, PresenceValue])[]> {
    const reply = await this.#ask(companyId, 'list');
    const found = reply.length === 0 ? [...(this.#companies.get(companyId) ?? [])].flat() : reply;
    return pairs(found);
  }

  // --- Holder ---

  *keys(): Iterable<string> {
    for (const companyId of this.#companies.keys()) yield presenceKey(this.#life.prefix, companyId);
  }

  fenced(key: string, mode: RestoreMode): void {
    for (const companyId of this.#companies.keys()) {
      if (presenceKey(this.#life.prefix, companyId) === key) void this.#restore(companyId, mode);
    }
  }

  restore(mode: RestoreMode): Promise<unknown> {
    return Promise.all([...this.#companies.keys()].map((companyId) => this.#restore(companyId, mode)));
  }

  // --- inside ---

  /** After a node has died: who has gone with it is told by whoever looks first. Where nobody listens nobody has to look. Never rejects. */
  async #sweep(): Promise<void> {
    const companies = [...new Set([...this.#companies.keys(), ...(await this.#watched().catch(() => []))])];
    while (companies.length > 0) {
      await Promise.all(companies.splice(0, SWEPT_AT_ONCE).map((companyId) => this.#ask(companyId, 'sweep')));
    }
  }

  /** Nobody was told that they had left, but by other nodes where this one was stopped. */
  async #restore(companyId: string, mode: RestoreMode): Promise<void> {
    const here = [...(this.#companies.get(companyId) ?? [])].flat();
    const nowhere = await this.#ask(companyId, 'restore', ...here);
    if (mode === 'keep') return;
    for (const user of nowhere) {
      const userId = decodeCompany(user);
      if (userId !== undefined) this.#news.back(companyId, userId);
    }
  }

  /** Never rejects: who is not told now is told when Redis is back. */
  async #ask(companyId: string, what: 'enter' | 'leave' | 'list' | 'sweep' | 'restore', ...rest: string[]): Promise<string[]> {
    const life = this.#life;
    const key = presenceKey(life.prefix, companyId);
    for (let tries = 0; tries < MAX_TRIES && (what === 'restore' ? life.isUsable : await life.usable()); tries += 1) {
      // What this very call brings does not stand there yet.
      const holds = what !== 'enter' && (this.#companies.get(companyId)?.size ?? 0) > 0;
      let reply: BrokerReply;
      try {
        const keys = [key, life.clustered ? key : nodesKey(life.prefix)];
        reply = await life.patiently(life.broker.eval(SCRIPT, keys, [what, life.era, life.nodeId, holds ? '1' : '0', LIFE_MS, KEYS_LIVE_MS, ...rest]));
      } catch (thrown) {
        life.failed(thrown);
        return [];
      }
      const [word, count, ...more] = texts(reply);
      if (word === 'FENCED') {
        await life.fenced();
        continue;
      }
      if (word === 'LATE') continue;
      const gone = Number(count) * 2;
      for (const [userId, value] of pairs(more.slice(0, gone))) this.#news.left(companyId, userId, value);
      return more.slice(gone);
    }
    return [];
  }
}

function pairs(found: readonly string[]): [string, PresenceValue][] {
  const list: [string, PresenceValue][] = [];
  for (let at = 0; at + 1 < found.length; at += 2) {
    const userId = decodeCompany(found[at] as string);
    const [value] = valueOf(found[at + 1] as string);
    if (userId !== undefined && value) list.push([userId, value]);
  }
  return list;
}

/** None where somebody else wrote it. */
function valueOf(text: string): PresenceValue[] {
  try {
    const value = JSON.parse(text) as Partial<PresenceValue> | null;
    const { topics, data, since } = value ?? {};
    if (!Array.isArray(topics) || typeof data !== 'string' || typeof since !== 'number') return [];
    JSON.parse(data);
    return [{ topics: topics.filter((topic): topic is string => typeof topic === 'string'), data, since }];
  } catch {
    return [];
  }
}
