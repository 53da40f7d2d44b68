/**
 * Runs the way back (`return.ts`) in one tab: tells it what network, stream and outbox do, and does what it asks for. And it reads the stream: what others have
 * written is learnt, and what conflicts with something that waits here is marked before that is sent.
 *
 * Invariants (SPEC §24, test/offline/coordinator.test.ts):
 * 1. Nothing is sent while what was missed is still coming, for 10 s at most.
 * 2. Of several that wrote one field meanwhile the last one counts: what a person has seen of it may be newer than the first.
 * 3. `covered` is said only when each conflict that was found is written down.
 */
import { covers } from '../../client/tabs/history.js';
import type { ClientEvent, SyncClient, SyncStatus } from '../../client/types.js';
import type { Coordinator, Inside } from '../inside.js';
import type { OutboxEntry } from '../types.js';
import { isOwn, isUnsent, tell, writtenOf, type Told, type Written } from './conflicts.js';
import { holds, INITIAL, step, type Input } from './return.js';

type Host = Pick<Inside, 'environment' | 'network' | 'outbox' | 'versions' | 'mutations' | 'clock' | 'say' | 'onClose'>;

/** Own ids whose entries are gone, and ids that the stream has told of. A stream that is further behind than so many of them is told apart by what its versions say. */
const MAX_OWN = 1_000;

export function createCoordinator(host: Host): Coordinator {
  const { environment, network, outbox, versions, mutations, say, onClose } = host;
  let state = INITIAL;
  let timer: unknown;
  let sync: SyncClient | undefined;
  let ends: (() => void)[] = [];
  /** What others have written of rows that something here waits to change, by row and field; of a row that is gone under the field ''. */
  const meanwhile = new Map<string, Written>();
  const own = new Set<string>();
  /** What the stream has told of: what was made of a field since is newer than an ack that comes after it. */
  const told = new Set<string>();
  /** Of what was found that is not written down yet. */
  let writing = 0;
  /** What a listener has missed comes a moment after its stream is live. */
  let settled: unknown;
  let wasLive = false;
  const listeners = new Set<() => void>();

  function send(input: Input): void {
    const [at, held] = [state.at, holds(state)];
    const [next, effects] = step(state, input);
    state = next;
    for (const effect of effects) {
      if (effect.do === 'pause' || effect.do === 'resume') outbox[effect.do](effect.reason);
      else {
        environment.clearTimeout(timer);
        if (effect.do === 'sleep') timer = environment.setTimeout(() => send({ is: 'timer' }), effect.ms);
      }
    }
    if (at !== state.at || held !== holds(state)) for (const listener of [...listeners]) say(listener, undefined);
  }

  // --- the stream ---

  function look(): void {
    const status = sync?.status;
    if (!status || status.state === 'refused' || status.state === 'closed') return send({ is: 'stream', stream: 'none', covered: false });
    const { cursor, head } = status;
    const live = status.state === 'live';
    const here = live && settled === undefined && (head === undefined || covers(cursor, head));
    if (here) {
      judge();
      if (!writing) versions.moved(cursor);
    }
    send({ is: 'stream', stream: live ? 'live' : 'down', covered: here && !writing });
  }

  function changed({ state: is }: Pick<SyncStatus, 'state'>): void {
    const live = is === 'live';
    if (live && !wasLive) {
      environment.clearTimeout(settled);
      settled = environment.setTimeout(() => {
        settled = undefined;
        look();
      }, 0);
      network.prove();
    } else if (is === 'offline' || (wasLive && is === 'connecting')) {
      network.doubt();
    }
    wasLive = live;
    look();
  }

  function heard(event: ClientEvent): void {
    if ('seq' in event) {
      for (const written of writtenOf(event)) learn(written, event.sourceId === sync?.sourceId);
    } else if (event.type === 'resync' || (event.type === 'invalidate' && event.count !== undefined)) {
      // Whose versions nobody names: what was known of any may be old. The server decides by what the person saw.
      meanwhile.clear();
      versions.forget();
    } else {
      return;
    }
    look();
  }

  function note(ids: Set<string>, id: string): void {
    ids.add(id);
    for (const oldest of ids) {
      if (ids.size <= MAX_OWN) break;
      ids.delete(oldest);
    }
  }

  function learn(written: Written, mine: boolean): void {
    const { key, fields, version, action } = written;
    const row = `${key.entity}\0${key.id}\0`;
    const gone = action.type === 'delete';
    note(told, version);
    host.clock?.receive(version);
    if (gone) versions.forget(key);
    else versions.learn(key, Object.fromEntries(fields.map((field) => [field, version])));
    const ours = mine || own.has(version) || isOwn(outbox.entries, version);
    const waits = outbox.entries.some((entry) => isUnsent(entry) && entry.entity === key.entity && entry.entityId === key.id);
    if (gone) for (const name of [...meanwhile.keys()]) if (name.startsWith(row)) meanwhile.delete(name);
    // Who writes it has brought it back.
    if (!gone) meanwhile.delete(row);
    for (const field of gone ? [''] : fields) {
      // What this browser wrote after them the server has let through.
      if (ours || !waits) meanwhile.delete(row + field);
      else meanwhile.set(row + field, gone ? written : { ...written, fields: [field] });
    }
  }

  /** What others have written meanwhile, and what waits here. */
  function judge(): void {
    if (meanwhile.size === 0) return;
    const all = [...meanwhile.values()];
    meanwhile.clear();
    for (const entry of outbox.entries) {
      const told = all.flatMap((written) => tell(entry, written, mutations[entry.path]) ?? []);
      if (told.length === 0) continue;
      writing += 1;
      void mark(entry, told)
        // The storage has told it; the server finds the conflict, too.
        .catch(() => undefined)
        .then(() => {
          writing -= 1;
          look();
        });
    }
  }

  async function mark({ id }: OutboxEntry, told: readonly Told[]): Promise<void> {
    const base = Object.assign({}, ...told.map((one) => one.base)) as Told['base'];
    const conflicts = told.flatMap((one) => one.conflicts);
    if (Object.keys(base).length > 0) await outbox.rebase(id, base);
    if (conflicts.length > 0) await outbox.conflict(id, conflicts);
  }

  function follow(next: SyncClient | undefined): void {
    if (next === sync && ends.length > 0) return;
    leave();
    if (state.at === 'closed') return;
    sync = next;
    if (sync) {
      // From where the versions stand, else from what the page has: its own position, so that it takes none of another listener's.
      const since = versions.cursor ?? sync.status.cursor ?? sync.since;
      ends = [sync.subscribe(heard, since === undefined ? {} : { since }), sync.onStatus(changed)];
    }
    changed({ state: sync?.status.state ?? 'closed' });
  }

  function leave(): void {
    for (const end of ends) end();
    ends = [];
    sync = undefined;
    wasLive = false;
    environment.clearTimeout(settled);
    settled = undefined;
    meanwhile.clear();
  }

  // --- the others ---

  /** Something can be sent: it is not behind what waits for a person. */
  function count(): void {
    const held = new Set<string>();
    let waiting = false;
    for (const { state: is, lane, after } of outbox.entries) {
      if (is === 'acked') continue;
      const free = (is === 'queued' || is === 'sending') && !held.has(lane) && !after.some((other) => held.has(other));
      if (free) waiting = true;
      else held.add(lane);
    }
    send({ is: 'outbox', waiting });
  }

  const stops = [
    network.subscribe(({ online, verified }) => send({ is: 'network', verified: online && verified })),
    outbox.subscribe(count),
    outbox.onAck((entry) => {
      for (const id of [entry.id, ...entry.squashed]) note(own, id);
      if (!told.has(entry.id)) versions.acked(entry);
    }),
  ];
  onClose(() => {
    send({ is: 'close' });
    leave();
    for (const stop of stops) stop();
    listeners.clear();
  });
  outbox.pause('offline');
  count();
  send({ is: 'network', verified: network.status.online && network.status.verified });

  return {
    get at() {
      return state.at;
    },
    get holds() {
      return holds(state);
    },
    subscribe(listener) {
      const each = (): void => listener();
      listeners.add(each);
      return () => void listeners.delete(each);
    },
    follow,
  };
}
