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
import { createConnection, type ConnectionHost, type Payload } from '../machine/connection.js';
import { told } from '../machine/step.js';
import type { ChannelLike, Environment, PageEvent } from '../environment.js';
import type { ClientEvent, StatusReason, SyncState, SyncStatus } from '../types.js';
import { covers, createHistory, type Entry, type History } from './history.js';
import type { Leader, Message, Said } from './messages.js';
import { ASKED_MS, ASK_MS, FIRST_ASK_MS, MAX_ASKS, NEW_MS, REPLACED_MS, STORE_MS } from './times.js';

export interface TabHost {
  readonly environment: Environment;
  /** The same for all tabs that share, and for nothing else. */
  readonly name: string;
  readonly shared: boolean;
  readonly since: string | number | undefined;
  readonly connection: Pick<ConnectionHost, 'transport' | 'address' | 'watched' | 'token'>;
  event: (entry: Entry) => void;
  changed: (status: SyncStatus) => void;
}

/** In the place of what nobody remembers. */
const gap = (at: number, cursor?: string | null): Entry[] => [{ id: cursor ?? undefined, event: { type: 'resync', timestamp: at, queryPaths: ['*'], reason: 'trimmed' }, at, size: 0 }];

const ELECTING = { state: 'connecting', reason: 'electing' } as const;
const UNPLACED = ['invalidate', 'resync', 'ephemeral'];

export interface Tab {
  readonly id: string;
  readonly status: SyncStatus;
  reconnect(): void;
  /** Hands over what has come after `since`: when this call is over, or when the history has begun. */
  missed(since: string | number, hand: (entries: readonly Entry[]) => void): Promise<void>;
  close(why: 'closed' | 'forgotten'): void;
}

/** A closure, as the rest of the client is: a class costs the page a tenth of it in names. */
export function createTab(host: TabHost): Tab {
  const { environment, name, shared } = host;
  let history = createHistory(typeof host.since === 'string' ? host.since : undefined);
  /** What the app has heard, where the stream began again before its end. */
  let past: History | undefined;
  let election: Election;
  let channel: ChannelLike | undefined;
  let leads = false;
  /** Of electing one of several tabs: 2, locks and the lease; 1, the lease; 0, none. */
  let ways = 2;
  let solo = false;
  /** Set while the page is hidden away, and at the end. */
  let away: 'away' | 'closed' | 'forgotten' | undefined;
  /** Of the tab that leads, this or another; the highest seen. */
  let generation = 0;
  /** Events that the leader has passed on, as far as this tab has heard them; undefined: it has not joined. */
  let count: number | undefined;
  let asked = 0;
  /**
   * Whether this tab may try in the place of a leader that cannot get in, with what its own app gives: 2, always (a tab that has come, or whose
   * person asks); 1, unless the server has said no (it has heard that in all tabs); 0, it has tried.
   */
  let turns = 2;
  /** To be told when the history has begun. */
  const owed: (() => void)[] = [];
  let asking: unknown;
  let storing: unknown;
  /** When that happened last. */
  let replacedAt = -Infinity;
  let askedAt = -Infinity;
  const id = newId();
  let instance = newId();
  /** The stored instance, when this page went away. */
  let mark = '';
  /** How far the server's clock is ahead of ours, ms. */
  let clock = 0;
  /** The head of the log at the last verdict; undefined before it. */
  let head: string | undefined;
  let status: Omit<SyncStatus, 'cursor'> = { state: 'connecting', reason: 'starting', leader: false, since: environment.now() };
  const connection = createConnection({
    ...host.connection,
    environment,
    place: () => ({ cursor: position(), instance, generation }),
    event: received,
    changed: speak,
    replaced: wasReplaced,
  });
  elect();
  if (!solo) instance = stored('instance') || stored('instance', instance) || instance;
  const unlisten = environment.listen(happened);
  arrive();

  function statusNow(): SyncStatus {
    return { ...status, cursor: heard().cursor, head };
  }

  /** The history that reaches further. */
  function heard(): History {
    return (covers(past?.cursor, history.cursor) && past) || history;
  }

  function reconnect(): void {
    const now = environment.now();
    // An app may ask as fast as it is told that the last attempt failed.
    if (away || Math.abs(now - askedAt) < ASKED_MS) return;
    askedAt = now;
    if (leads) return connection.send({ is: 'reconnect' });
    turns = 2;
    if (!isBarred()) post({ is: 'reconnect' });
    // One that does not answer now is not waited for long.
    asked = mostAsks() - 1;
    ask();
  }

  function close(why: 'closed' | 'forgotten'): void {
    if (away === why || away === 'forgotten') return;
    if (why === 'forgotten') {
      // A page that is away, or whose stream has ended, has left the channel.
      channel ??= newChannel();
      post({ is: 'forget' });
    }
    end(why);
  }

  function end(why: 'closed' | 'forgotten'): void {
    unlisten();
    leave(why);
    connection.send({ is: 'close' });
    if (why === 'forgotten') for (const part of ['cursor', 'instance', 'lease']) stored(part, null);
    tell({ state: 'closed', reason: why });
  }

  // --- the page ---

  /** By the best way that works here. */
  function elect(): void {
    const { locks, storage } = environment;
    let own: Election | undefined;
    // What an election says that is not this tab's any more is not heard.
    const mine = (run: () => void) => () => {
      if (election === own) run();
    };
    const candidate: Candidate = {
      elected: mine(lead),
      deposed: mine(follow),
      broken: mine(() => {
        ways -= 1;
        elect();
        arrive();
      }),
    };
    if (shared && environment.channel) {
      if (locks && ways > 1) own = webLocks(locks, name, candidate);
      else if (storage && ways > 0) own = lease(environment, storage, { name: `${name} lease`, tab: id }, candidate);
    }
    // Each tab by itself: it hears nobody, or two would depose each other for ever.
    solo = !own;
    election = own ??= alone(candidate);
  }

  function newChannel(): ChannelLike | undefined {
    return solo ? undefined : environment.channel?.(name);
  }

  function arrive(): void {
    channel?.close();
    channel = newChannel();
    if (channel) channel.onmessage = ({ data }: { data: unknown }) => hear(data as Message);
    asked = 0;
    election.join();
    if (!leads) ask(true);
  }

  function leave(why: 'away' | 'closed' | 'forgotten'): void {
    if (leads) post({ is: 'bye' });
    away = why;
    environment.clearTimeout(asking);
    keep();
    stepDown();
    election.leave();
    channel?.close();
    channel = undefined;
  }

  function happened(what: PageEvent): void {
    if (what === 'hide') {
      if (away) return;
      leave('away');
      mark = stored('instance');
      tell(ELECTING);
    } else if (what === 'show') {
      if (away !== 'away') return;
      // The person has signed out meanwhile, which wipes it, and nobody could say so here.
      if (mark !== stored('instance')) return end('forgotten');
      away = undefined;
      arrive();
    } else if (!away) {
      if (leads) connection.send({ is: what });
      else if (what === 'wake') ask(true);
    }
  }

  // --- leading ---

  function lead(): void {
    if (away || leads) return;
    leads = true;
    turns = 0;
    generation = Math.max(environment.now(), generation + 1);
    count = 0;
    environment.clearTimeout(asking);
    connection.send({ is: 'start' });
    speak();
  }

  /** Whoever leads now is followed. */
  function follow(): void {
    if (!leads) return;
    stepDown();
    tell(ELECTING);
    election.leave();
    election.join();
    if (!leads) ask();
  }

  function stepDown(): void {
    if (!leads) return;
    leads = false;
    count = undefined;
    asked = 0;
    connection.send({ is: 'stop' });
  }

  function position(): string | number | undefined {
    return asksFrom() ?? (stored('cursor') || undefined);
  }

  function received(payload: Payload, given: string | undefined, size: number): void {
    const now = environment.now();
    const { type, timestamp, cursor, recovered, reason, seq = payload['to'] } = payload;
    // The server's clock; ours may have been set since. What is replayed is older than now.
    if (typeof timestamp === 'number' && (type === 'hello' || type === 'ping' || now + clock < timestamp)) clock = timestamp - now;
    const at = now + clock;
    // Streams whose events have no ids say in them where they are.
    let id = given;
    if (type === 'hello') {
      head = String(cursor);
      // What a verdict that did not recover leads to is a `resync`; until that has come, the old position is none.
      id ??= recovered === true ? history.cursor : reason === 'fresh' ? head : undefined;
      history.begins(id, recovered === true && typeof host.since === 'number' ? host.since : at);
    } else if (type === 'ping' || type === 'server_close') {
      history.cursor = id ?? history.cursor;
      if (type === 'ping') speak();
    } else if ('seq' in payload || UNPLACED.includes(type)) {
      // What has no place repeats the id before it.
      id = type === 'resync' ? (id ?? head) : typeof seq === 'number' ? (id ?? head?.replace(/\d+$/, String(seq))) : undefined;
      const entry: Entry = { id, event: payload as unknown as ClientEvent, at, size };
      if (!history.accept(entry)) return;
      count = (count ?? 0) + 1;
      post({ is: 'event', count, entry });
      deliver(entry);
    }
    storing ??= environment.setTimeout(keep, STORE_MS);
  }

  /** Another stream of this browser took the place. If another tab has it, that tab says so; else the place is taken back with a higher generation. */
  function wasReplaced(): void {
    const now = environment.now();
    // A copied profile: two browsers that hold one id would take the place from each other for ever.
    if (now - replacedAt < REPLACED_MS) {
      instance = newId();
      if (channel) stored('instance', instance);
    }
    replacedAt = now;
    generation = Math.max(now, generation + 1);
    speak();
  }

  /** Tells this tab, and all the others. */
  function speak(): void {
    if (!leads) return;
    here();
    tell(told(connection.state));
  }

  function here(): void {
    post({ is: 'here', ...leaderNow() });
  }

  function leaderNow(): Leader {
    return {
      ...told(connection.state),
      count: count ?? 0,
      cursor: history.begun ? (history.cursor ?? null) : undefined,
      instance,
      head,
      at: environment.now() + clock,
    };
  }

  // --- following ---

  /** Asks who leads, again and again until somebody answers; then only after a silence. `seen`: a person looks at this tab. */
  function ask(seen?: true): void {
    if (away || leads || !channel) return;
    const most = mostAsks();
    if (isBarred() || asked >= most) {
      asked = 0;
      election.take();
    } else if (asked === MAX_ASKS - 1) {
      tell(ELECTING);
    }
    post({ is: 'ask', join: count === undefined, since: asksFrom(), seen });
    later(most > 1 ? ASK_MS : FIRST_ASK_MS);
  }

  function mostAsks(): number {
    return election.queued || generation > 0 ? MAX_ASKS : 1;
  }

  /** Whoever has waited in vain counts it, and asks again. */
  function later(ms: number): void {
    environment.clearTimeout(asking);
    asking = environment.setTimeout(() => {
      asked += 1;
      ask();
    }, ms * (0.75 + 0.5 * environment.random()));
  }

  /** The leader cannot get in, and this tab perhaps can. */
  function isBarred(): boolean {
    const { state, reason } = status;
    return turns > (state === 'refused' ? 1 : reason === 'token_failed' || reason === 'unauthorized' ? 0 : 2);
  }

  function asksFrom(): string | number | null {
    return history.cursor ?? host.since ?? null;
  }

  function hear(message: Message): void {
    if (away || message.from === id) return;
    switch (message.is) {
      case 'ask':
        return answer(message);
      case 'reconnect':
        if (leads) connection.send({ is: 'reconnect' });
        return;
      case 'forget':
        return end('forgotten');
      case 'bye':
        if (message.generation < generation || leads) return;
        count = undefined;
        // Where nobody queues, somebody has to ask.
        asked = election.queued ? 0 : MAX_ASKS - 1;
        tell(ELECTING);
        return ask();
      default:
        return fromLeader(message);
    }
  }

  function answer({ from, join, since, seen }: Extract<Message, { is: 'ask' }>): void {
    if (!leads) return;
    connection.look();
    if (seen) connection.send({ is: 'wake' });
    const entries = since === null ? [] : (history.after(since) ?? null);
    if (join && !entries && typeof since === 'string' && environment.now() - generation < NEW_MS) rewind(since);
    const leader = leaderNow();
    if (!join || leader.cursor === undefined) here();
    else post({ is: 'joined', to: from, since, entries, ...leader });
  }

  /** A newcomer that leads has heard less than one that follows: its stream begins again where that one is. */
  function rewind(since: string): void {
    const own = position();
    if (own !== undefined && !covers(own, since)) return;
    past = heard();
    // Whole from there on, where it has not begun.
    past.begins(past.cursor, environment.now() + clock);
    history = createHistory(since);
    connection.send({ is: 'stop' });
    connection.send({ is: 'start' });
  }

  function fromLeader(message: Extract<Message, { is: 'here' | 'joined' | 'event' }>): void {
    const { generation: theirs } = message;
    if (leads) {
      // Two that lead: the higher generation does; it is told to the other one.
      if (theirs > generation || (theirs === generation && message.from > id)) {
        generation = theirs;
        follow();
      } else {
        here();
      }
      return;
    }
    if (theirs < generation) return;
    if (theirs > generation) {
      generation = theirs;
      count = undefined;
    }
    asked = 0;
    // One question in a silence is enough for all: its answer is heard by each.
    later(ASK_MS);
    if (message.is === 'event') return passedOn(message);
    const { state, cursor, at } = message;
    if (state === 'live') turns = 1;
    clock = at - environment.now();
    ({ instance, head } = message);
    // An answer to an older question would begin in the past: one that slept answers what it was asked long ago.
    if (message.is === 'joined' && message.to === id && message.since === asksFrom()) join(message);
    if (count !== undefined) {
      if (count !== message.count) return rejoin();
      if (cursor && !covers(history.cursor, cursor)) history.cursor = cursor;
      tell(message);
    } else if (cursor === undefined) {
      tell(message);
    } else if (message.is === 'here' || message.to === id) {
      rejoin();
    }
  }

  function join(message: Extract<Message, { is: 'joined' }>): void {
    const { entries, cursor, count: passed, at, since } = message;
    if (count !== undefined) return;
    count = passed;
    // A gap is an entry, too: whoever asks this tab later, from before it, has it as well.
    const given = entries ?? gap(at, cursor);
    if (history.cursor === undefined || !history.begun) history.begins(history.cursor ?? (given[0] ? undefined : (cursor ?? undefined)), entries && typeof since === 'number' ? since : at);
    tell(message);
    given.forEach(take);
  }

  async function missed(since: string | number, hand: (entries: readonly Entry[]) => void): Promise<void> {
    // From its own position on the tab itself hears.
    await (heard().begun || since === host.since || new Promise<void>((look) => owed.push(look)));
    hand(heard().after(since) ?? gap(environment.now() + clock));
  }

  function take(entry: Entry): void {
    if (history.accept(entry)) deliver(entry);
  }

  function deliver(entry: Entry): void {
    if (!covers(past?.cursor, entry.id)) host.event(entry);
  }

  function passedOn({ count: nth, entry }: Extract<Message, { is: 'event' }>): void {
    const next = (count ?? nth) + 1;
    if (nth < next) return;
    if (nth > next) return rejoin();
    count = nth;
    take(entry);
  }

  /** Something was missed, or nothing was ever heard: from the own position, whatever that is. */
  function rejoin(): void {
    count = undefined;
    ask();
  }

  // --- small things ---

  function tell({ state, reason }: { state: SyncState; reason: StatusReason }): void {
    const { state: was, reason: why, leader, since } = status;
    if (was === state && why === reason && leader === leads) return;
    status = { state, reason, leader: leads, since: was === state ? since : environment.now() };
    host.changed(statusNow());
    if (state === 'live') for (const look of owed.splice(0)) look();
  }

  function post(said: Said): void {
    try {
      channel?.postMessage({ ...said, from: id, generation: generation });
    } catch (thrown) {
      // A value that cannot be copied; JSON always can.
      environment.report(thrown);
    }
  }

  function keep(): void {
    environment.clearTimeout(storing);
    storing = undefined;
    if (leads) stored('cursor', history.cursor);
  }

  function newId(): string {
    const { random } = environment;
    return `${random()}${random()}`.replace(/\D/g, '');
  }

  /**
   * What is kept there; `value` is put there first, and `null` takes away what is. A storage that is full, or forbidden, keeps nothing, and
   * nothing depends on it.
   */
  function stored(part: string, value?: string | null): string {
    try {
      const { storage } = environment;
      const key = `${name} ${part}`;
      if (value) storage?.setItem(key, value);
      if (value === null) storage?.removeItem(key);
      return storage?.getItem(key) ?? '';
    } catch {
      return '';
    }
  }

  return {
    id,
    get status() {
      return statusNow();
    },
    reconnect,
    missed,
    close,
  };
}
