/**
 * One tab's part of a browser's stream: it leads and has the stream, or it follows and hears everything from the tab that leads.
 *
 * Invariants (SPEC §15, test/client):
 * 1. A tab opens a stream only while it leads.
 * 2. What is passed on is counted; a follower that misses one asks again from its own position.
 * 3. No timer of a leader is needed for anything: it speaks when it is asked, and when the server speaks.
 * 4. Whoever leads and hears of a higher generation, or loses its lock, ends its stream at once.
 */
import { alone, type Candidate, type Election } from '../leadership/election.js';
import { lease } from '../leadership/lease.js';
import { webLocks } from '../leadership/web-locks.js';
import { createConnection, type Connection, type ConnectionHost, type Payload } from '../machine/connection.js';
import { told } from '../machine/step.js';
import type { ChannelLike, Environment, LockManagerLike, PageEvent } from '../environment.js';
import type { ClientEvent, StatusReason, SyncState, SyncStatus } from '../types.js';
import { covers, History, type Entry } from './history.js';
import type { Leader, Message, Said } from './messages.js';

/** A follower that has heard nothing for so long asks, ms. */
const ASK_MS = 1_500;
/** Where nobody queues, and nobody was heard of yet, ms. */
const FIRST_ASK_MS = 300;
/** Questions without an answer after which the lead is taken; a tab that has just come asks once where nobody queues. */
const MAX_ASKS = 3;
/** A tab that has led for less than this may have taken the lead from one that had heard more, ms. */
const NEW_MS = 10_000;
/** ms that a cursor waits before it is stored. */
const STORE_MS = 1_000;
/** A stream that nobody here knows took the place twice within this time, ms: the browser's id is somebody else's too. */
const REPLACED_MS = 60_000;

export interface TabHost {
  readonly environment: Environment;
  /** The same for all tabs that share, and for nothing else. */
  readonly name: string;
  readonly shared: boolean;
  readonly since: string | number | undefined;
  readonly connection: Pick<ConnectionHost, 'transport' | 'address' | 'watched' | 'token'>;
  event: (event: ClientEvent) => void;
  changed: (status: SyncStatus) => void;
}

const DELIVERED: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'invalidate', 'resync', 'ephemeral']);

export class Tab {
  readonly id: string;
  readonly #host: TabHost;
  readonly #environment: Environment;
  readonly #connection: Connection;
  #history = new History();
  /** Up to here the app has heard everything, where the stream began again before it. */
  #known: string | undefined;
  readonly #unlisten: () => void;
  #election: Election;
  #channel: ChannelLike | undefined;
  #leads = false;
  /** Nothing here elects one of several tabs. */
  #solo = false;
  /** Set while the page is hidden away, and at the end. */
  #away: 'away' | 'closed' | 'forgotten' | undefined;
  /** Of the tab that leads, this or another; the highest seen. */
  #generation = 0;
  /** Events that the leader has passed on, as far as this tab has heard them; undefined: it has not joined. */
  #count: number | undefined;
  #told: { state: SyncState; reason: StatusReason } = { state: 'connecting', reason: 'starting' };
  #asked = 0;
  #asking: unknown;
  #storing: unknown;
  /** When that happened last. */
  #replaced = -Infinity;
  #instance: string;
  /** How far the server's clock is ahead of ours, ms. */
  #clock = 0;
  #status: Omit<SyncStatus, 'cursor'>;

  constructor(host: TabHost) {
    this.#host = host;
    const environment = (this.#environment = host.environment);
    this.id = this.#newId();
    this.#instance = this.#newId();
    if (typeof host.since === 'string') this.#history.cursor = host.since;
    this.#election = this.#elect(environment.locks);
    if (this.#channelled) this.#instance = this.#stored('instance', this.#instance);
    this.#status = { state: 'connecting', reason: 'starting', leader: false, since: environment.now() };
    this.#connection = createConnection({
      ...host.connection,
      environment,
      place: () => ({ cursor: this.#position(), instance: this.#instance, generation: this.#generation }),
      event: (payload, id, size) => this.#heard(payload, id, size),
      changed: () => this.#speak(),
      replaced: () => this.#wasReplaced(),
    });
    this.#unlisten = environment.listen((what) => this.#page(what));
    this.#arrive();
  }

  get status(): SyncStatus {
    const { cursor } = this.#history;
    return { ...this.#status, cursor: covers(this.#known, cursor) ? this.#known : cursor };
  }

  reconnect(): void {
    if (this.#away) return;
    if (this.#leads) return this.#connection.send({ is: 'reconnect' });
    this.#post({ is: 'reconnect' });
    // One that does not answer now is not waited for long.
    this.#asked = MAX_ASKS - 1;
    this.#ask();
  }

  close(why: 'closed' | 'forgotten' = 'closed'): void {
    if (this.#away === 'closed' || this.#away === 'forgotten') return;
    if (why === 'forgotten') this.#post({ is: 'forget' });
    this.#end(why);
  }

  #end(why: 'closed' | 'forgotten'): void {
    this.#unlisten();
    this.#leave(why);
    this.#connection.send({ is: 'close' });
    if (why === 'forgotten') for (const part of ['cursor', 'instance', 'lease']) this.#store(part, null);
    this.#tell({ state: 'closed', reason: why });
  }

  // --- the page ---

  get #channelled(): boolean {
    const { channel, locks } = this.#environment;
    return this.#host.shared && !this.#solo && channel !== undefined && (locks !== undefined || this.#storable());
  }

  #storable(): boolean {
    this.#store('probe', '1');
    const works = this.#stored('probe') === '1';
    this.#store('probe', null);
    return works;
  }

  #elect(locks?: LockManagerLike): Election {
    const { storage } = this.#environment;
    let election: Election | undefined;
    // What an election says that is not this tab's any more is not heard.
    const candidate: Candidate = {
      elected: () => this.#election === election && this.#lead(),
      deposed: () => this.#election === election && this.#follow(),
      broken: () => this.#election === election && this.#fall(locks !== undefined),
    };
    const { name } = this.#host;
    if (this.#host.shared && this.#environment.channel) {
      if (locks) election = webLocks(locks, name, candidate);
      else if (storage && this.#storable()) election = lease(this.#environment, storage, { name: `${name} lease`, tab: this.id }, candidate);
    }
    return (election ??= alone(candidate));
  }

  /** Without this way of electing: the next one. */
  #fall(lockless: boolean): void {
    this.#election = lockless ? this.#elect() : alone({ elected: () => this.#lead() });
    // Each tab by itself: it hears nobody, or two would depose each other for ever.
    if (!lockless || !this.#storable()) {
      this.#solo = true;
      this.#channel?.close();
      this.#channel = undefined;
    }
    this.#election.join();
  }

  #arrive(): void {
    const channel = (this.#channel = this.#channelled ? this.#environment.channel?.(this.#host.name) : undefined);
    if (channel) channel.onmessage = ({ data }: { data: unknown }) => this.#message(data as Message);
    this.#asked = 0;
    this.#election.join();
    if (!this.#leads) this.#ask();
  }

  #leave(why: 'away' | 'closed' | 'forgotten'): void {
    if (this.#leads) this.#post({ is: 'bye' });
    this.#away = why;
    this.#environment.clearTimeout(this.#asking);
    this.#keep();
    this.#stepDown();
    this.#election.leave();
    this.#channel?.close();
    this.#channel = undefined;
  }

  #page(what: PageEvent): void {
    if (what === 'hide') {
      if (this.#away) return;
      this.#leave('away');
      this.#tell({ state: 'connecting', reason: 'electing' });
    } else if (what === 'show') {
      if (this.#away !== 'away') return;
      this.#away = undefined;
      this.#arrive();
    } else if (!this.#away) {
      if (this.#leads) this.#connection.send({ is: what });
      else if (what === 'wake') this.#ask();
    }
  }

  // --- leading ---

  #lead(): void {
    if (this.#away || this.#leads) return;
    this.#leads = true;
    this.#generation = Math.max(this.#environment.now(), this.#generation + 1);
    this.#count = 0;
    this.#environment.clearTimeout(this.#asking);
    this.#connection.send({ is: 'start' });
    this.#speak();
  }

  /** Whoever leads now is followed. */
  #follow(): void {
    if (!this.#leads) return;
    this.#stepDown();
    this.#told = { state: 'connecting', reason: 'electing' };
    this.#tell(this.#told);
    this.#election.leave();
    this.#election.join();
    if (!this.#leads) this.#ask();
  }

  #stepDown(): void {
    if (!this.#leads) return;
    this.#leads = false;
    this.#count = undefined;
    this.#asked = 0;
    this.#connection.send({ is: 'stop' });
  }

  #position(): string | number | undefined {
    return this.#history.cursor ?? this.#host.since ?? (this.#stored('cursor') || undefined);
  }

  #heard(payload: Payload, id: string | undefined, size: number): void {
    const now = this.#environment.now();
    const { type } = payload;
    if (type === 'hello') {
      const { serverTime, recovered } = payload;
      if (typeof serverTime === 'number') this.#clock = serverTime - now;
      // What a verdict that did not recover leads to is a `resync`; until that has come, the old position is none.
      this.#history.begins(id ?? (recovered === true ? this.#history.cursor : undefined), now + this.#clock);
    } else if (type === 'ping' || type === 'server_close') {
      this.#history.cursor = id ?? this.#history.cursor;
      if (type === 'ping') this.#speak();
    } else if (DELIVERED.has(type)) {
      const entry: Entry = { id, event: payload as unknown as ClientEvent, at: now + this.#clock, size };
      if (!this.#history.accept(entry)) return;
      this.#count = (this.#count ?? 0) + 1;
      this.#post({ is: 'event', count: this.#count, entry });
      this.#deliver(entry);
    }
    this.#storing ??= this.#environment.setTimeout(() => this.#keep(), STORE_MS);
  }

  /** Another stream of this browser took the place. If another tab has it, that tab says so; else the place is taken back with a higher generation. */
  #wasReplaced(): void {
    const now = this.#environment.now();
    // A copied profile: two browsers that hold one id would take the place from each other for ever.
    if (now - this.#replaced < REPLACED_MS) {
      this.#instance = this.#newId();
      if (this.#channel) this.#store('instance', this.#instance);
    }
    this.#replaced = now;
    this.#generation = Math.max(now, this.#generation + 1);
    this.#speak();
  }

  /** Tells this tab, and all the others. */
  #speak(): void {
    if (!this.#leads) return;
    const leader = this.#leader();
    this.#post({ is: 'here', ...leader });
    this.#tell(leader);
  }

  #leader(): Leader {
    return {
      ...told(this.#connection.state),
      count: this.#count ?? 0,
      cursor: this.#history.begun ? this.#history.cursor : undefined,
      instance: this.#instance,
      at: this.#environment.now() + this.#clock,
    };
  }

  // --- following ---

  /** Asks who leads, again and again until somebody answers; then only after a silence. */
  #ask(): void {
    const { setTimeout, clearTimeout, random } = this.#environment;
    clearTimeout(this.#asking);
    if (this.#away || this.#leads || !this.#channel) return;
    const known = this.#election.queued || this.#generation > 0;
    if (this.#asked >= (known ? MAX_ASKS : 1)) {
      this.#asked = 0;
      this.#election.take();
    } else if (this.#asked === MAX_ASKS - 1) {
      this.#tell({ state: 'connecting', reason: 'electing' });
    }
    this.#asked += 1;
    const join = this.#count === undefined;
    this.#post({ is: 'ask', join, since: this.#asksFrom });
    this.#asking = setTimeout(() => this.#ask(), (known ? ASK_MS : FIRST_ASK_MS) * (0.75 + 0.5 * random()));
  }

  get #asksFrom(): string | number | null {
    return this.#history.cursor ?? this.#host.since ?? null;
  }

  #message(message: Message): void {
    if (this.#away || message.from === this.id) return;
    switch (message.is) {
      case 'ask':
        return this.#answer(message);
      case 'reconnect':
        if (this.#leads) this.#connection.send({ is: 'reconnect' });
        return;
      case 'forget':
        return this.#end('forgotten');
      case 'bye':
        if (message.generation < this.#generation || this.#leads) return;
        this.#count = undefined;
        // Where nobody queues, somebody has to ask.
        this.#asked = this.#election.queued ? 0 : MAX_ASKS - 1;
        this.#tell({ state: 'connecting', reason: 'electing' });
        return this.#ask();
      default:
        return this.#fromLeader(message);
    }
  }

  #answer({ from, join, since }: Extract<Message, { is: 'ask' }>): void {
    if (!this.#leads) return;
    const entries = since === null ? [] : (this.#history.after(since) ?? null);
    if (join && !entries && typeof since === 'string' && this.#environment.now() - this.#generation < NEW_MS) this.#rewind(since);
    const leader = this.#leader();
    if (!join || leader.cursor === undefined) return this.#post({ is: 'here', ...leader });
    this.#post({ is: 'joined', to: from, since, entries, ...leader });
  }

  /** A newcomer that leads has heard less than one that follows: its stream begins again where that one is. */
  #rewind(since: string): void {
    const own = this.#position();
    if (own !== undefined && !covers(String(own), since)) return;
    const { cursor } = this.#history;
    if (!covers(this.#known, cursor)) this.#known = cursor;
    this.#history = new History();
    this.#history.cursor = since;
    this.#connection.send({ is: 'stop' });
    this.#connection.send({ is: 'start' });
  }

  #fromLeader(message: Extract<Message, { is: 'here' | 'joined' | 'event' }>): void {
    const { generation } = message;
    if (this.#leads) {
      // Two that lead: the higher generation does; it is told to the other one.
      if (generation > this.#generation || (generation === this.#generation && message.from > this.id)) {
        this.#generation = generation;
        this.#follow();
      } else {
        this.#post({ is: 'here', ...this.#leader() });
      }
      return;
    }
    if (generation < this.#generation) return;
    if (generation > this.#generation) {
      this.#generation = generation;
      this.#count = undefined;
    }
    this.#asked = 0;
    if (message.is === 'event') return this.#passedOn(message);
    const { state, reason, count, cursor, at } = message;
    this.#told = { state, reason };
    this.#clock = at - this.#environment.now();
    this.#instance = message.instance;
    // An answer to an older question would begin in the past: one that slept answers what it was asked long ago.
    if (message.is === 'joined' && message.to === this.id && message.since === this.#asksFrom) this.#join(message);
    if (this.#count !== undefined) {
      if (this.#count !== count) return this.#rejoin();
      if (cursor !== undefined && !covers(this.#history.cursor, cursor)) this.#history.cursor = cursor;
      this.#tell(this.#told);
    } else if (cursor === undefined) {
      this.#tell(this.#told);
    } else {
      this.#rejoin();
    }
  }

  #join({ entries, cursor, count, at }: Extract<Message, { is: 'joined' }>): void {
    if (this.#count !== undefined) return;
    this.#count = count;
    // A gap is an entry, too: whoever asks this tab later, from before it, has it as well.
    const given = entries ?? [{ id: cursor, event: { type: 'resync', timestamp: at, queryPaths: ['*'], reason: 'trimmed' }, at, size: 0 } as const];
    if (this.#history.cursor === undefined || !this.#history.begun) this.#history.begins(this.#history.cursor ?? (given[0] ? undefined : cursor), at);
    this.#tell(this.#told);
    for (const entry of given) this.#take(entry);
  }

  #take(entry: Entry): void {
    if (this.#history.accept(entry)) this.#deliver(entry);
  }

  #deliver({ id, event }: Entry): void {
    if (!covers(this.#known, id)) this.#host.event(event);
  }

  #passedOn({ count, entry }: Extract<Message, { is: 'event' }>): void {
    if (this.#count === undefined || count <= this.#count) return;
    if (count !== this.#count + 1) return this.#rejoin();
    this.#count = count;
    this.#take(entry);
  }

  /** Something was missed, or nothing was ever heard: from the own position, whatever that is. */
  #rejoin(): void {
    this.#count = undefined;
    this.#ask();
  }

  // --- small things ---

  #tell({ state, reason }: { state: SyncState; reason: StatusReason }): void {
    const { environment, changed } = this.#host;
    const before = this.#status;
    const leader = this.#leads;
    if (before.state === state && before.reason === reason && before.leader === leader) return;
    const since = before.state === state ? before.since : environment.now();
    this.#status = { state, reason, leader, since };
    changed(this.status);
  }

  #post(said: Said): void {
    try {
      this.#channel?.postMessage({ ...said, from: this.id, generation: this.#generation });
    } catch (thrown) {
      // A value that cannot be copied; JSON always can.
      this.#environment.report(thrown);
    }
  }

  #keep(): void {
    this.#environment.clearTimeout(this.#storing);
    this.#storing = undefined;
    if (this.#leads && this.#history.cursor !== undefined) this.#store('cursor', this.#history.cursor);
  }

  #newId(): string {
    const { random } = this.#environment;
    return Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32).toString(36)).join('');
  }

  /** What stands there; `fallback`, where nothing does, is put there. */
  #stored(part: string, fallback?: string): string {
    try {
      const found = this.#environment.storage?.getItem(`${this.#host.name} ${part}`);
      if (found) return found;
    } catch {
      // As if there were none.
    }
    if (fallback !== undefined) this.#store(part, fallback);
    return fallback ?? '';
  }

  /** `null`: takes it away. A storage that is full, or forbidden, keeps nothing, and nothing depends on it. */
  #store(part: string, value: string | null): void {
    try {
      const { storage } = this.#environment;
      const key = `${this.#host.name} ${part}`;
      if (value === null) storage?.removeItem(key);
      else storage?.setItem(key, value);
    } catch {
      // See above.
    }
  }
}
