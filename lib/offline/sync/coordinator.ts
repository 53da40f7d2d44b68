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
import { idle } from '../environment.js';
import { createEvent } from '../events.js';
import type { Coordinator, Inside } from '../inside.js';
import { isUntouched, keyOf } from '../outbox/entry.js';
import { isForeign } from '../outbox/make.js';
import type { NetworkStatus, OutboxEntry } from '../types.js';
import { tell, writtenOf, type Told, type Written } from './conflicts.js';
import { holds, INITIAL, step, type Input } from './return.js';
import { versionOf } from './versions.js';

type Host = Pick<Inside, 'environment' | 'network' | 'outbox' | 'versions' | 'mutations' | 'clock' | 'say' | 'onClose'>;

/** Own ids whose entries are gone, and ids that the stream has told of. A stream that is further behind than so many of them is told apart by what its versions say. */
const MAX_OWN = 1_000;

export function createCoordinator({ environment: { setTimeout, clearTimeout }, network, outbox, versions, mutations, clock, say, onClose }: Host): Coordinator {
  const [subscribe, tellAll, listeners] = createEvent<[]>(say);
  let state = INITIAL;
  let timer: unknown;
  let sync: SyncClient | undefined;
  let ends: (() => void)[] | undefined;
  /** What others have written of rows that something here waits to change, by lane and field; of a row that is gone under the field ''. */
  const meanwhile = new Map<string, Map<string, Written>>();
  const own = new Set<string>();
  /** What the stream has told of: what was made of a field since is newer than an ack that comes after it. */
  const told = new Set<string>();
  /** Of what was found that is not written down yet. */
  let writing = 0;
  /** What a listener has missed comes a moment after its stream is live. */
  let settled: unknown;
  let wasLive = false;

  function send(input: Input): void {
    const before = state;
    const [next, effects] = step(before, input);
    state = next;
    for (const effect of effects) {
      if (effect.do === 'pause' || effect.do === 'resume') outbox[effect.do](effect.reason);
      else clearTimeout(timer);
      if (effect.do === 'sleep') timer = idle(setTimeout(() => send({ is: 'timer' }), effect.ms));
    }
    if (before.at !== state.at || holds(before) !== holds(state)) tellAll();
  }

  // --- the stream ---

  function look(): void {
    const { state: is, cursor, head } = sync?.status ?? { state: 'closed' as const };
    const live = is === 'live';
    let covered = live && settled === undefined && (head === undefined || covers(cursor, head));
    if (covered) {
      judge();
      covered = !writing;
      if (covered) versions.moved(cursor);
    }
    send({ is: 'stream', stream: live ? is : is === 'refused' || is === 'closed' ? 'none' : 'down', covered });
  }

  function changed(is: SyncStatus['state'] = 'closed'): void {
    const live = is === 'live';
    if (live && !wasLive) {
      clearTimeout(settled);
      settled = setTimeout(() => {
        settled = undefined;
        look();
      }, 0);
      network.prove();
    } else if (is === 'offline' || (wasLive && is === 'connecting')) network.doubt();
    wasLive = live;
    look();
  }

  function heard(event: ClientEvent): void {
    if ('seq' in event) for (const written of writtenOf(event)) learn(written, event.sourceId === sync?.sourceId);
    else if (event.type === 'resync' || (event.type === 'invalidate' && event.count !== undefined)) {
      // Whose versions nobody names: what was known of any may be old. The server decides by what the person saw.
      meanwhile.clear();
      versions.forget();
    } else return;
    look();
  }

  function note(ids: Set<string>, id: string): void {
    ids.add(id);
    for (const oldest of ids) if (ids.size > MAX_OWN) ids.delete(oldest);
  }

  function learn(written: Written, mine: boolean): void {
    const { key, fields, version, action } = written;
    const { book } = outbox;
    const lane = keyOf(key);
    const gone = action.type === 'delete';
    note(told, version);
    clock?.receive(version);
    if (gone) versions.forget(key);
    else versions.learn(key, versionOf(fields, version));
    const counts = !mine && !own.has(version) && !book.named(version) && book.lane(lane).some(isUntouched);
    // A delete is all that counts of a row, and who writes the row has brought it back.
    const row = new Map(gone ? [] : meanwhile.get(lane));
    row.delete('');
    for (const field of gone ? [''] : fields) {
      if (counts) row.set(field, { ...written, fields: [field] });
      // What this browser wrote after them the server has let through.
      else row.delete(field);
    }
    if (row.size) meanwhile.set(lane, row);
    else meanwhile.delete(lane);
  }

  /** What others have written meanwhile, and what waits here. */
  function judge(): void {
    for (const entry of [...meanwhile.keys()].flatMap(outbox.book.lane)) {
      const found = [...(meanwhile.get(entry.lane)?.values() ?? [])].flatMap((written) => tell(entry, written, mutations[entry.path]) ?? []);
      if (!found[0]) continue;
      writing += 1;
      void mark(entry, found)
        // The storage has told it; the server finds the conflict, too.
        .catch(() => undefined)
        .then(() => {
          writing -= 1;
          look();
        });
    }
    meanwhile.clear();
  }

  async function mark({ id }: OutboxEntry, told: readonly Told[]): Promise<void> {
    const base = Object.assign({}, ...told.map((one) => one.base)) as Told['base'];
    const conflicts = told.flatMap((one) => one.conflicts);
    if (Object.keys(base)[0]) await outbox.rebase(id, base);
    if (conflicts[0]) await outbox.conflict(id, conflicts);
  }

  function follow(next: SyncClient | undefined): void {
    if (next === sync && ends) return;
    leave();
    if (state.at === 'closed') return;
    sync = next;
    if (sync) {
      // From where the versions stand, else from what the page has: its own position, so that it takes none of another listener's.
      const since = versions.cursor ?? sync.status.cursor ?? sync.since;
      ends = [sync.subscribe(heard, since === undefined ? {} : { since }), sync.onStatus(({ state: is }) => changed(is))];
    }
    changed(sync?.status.state);
  }

  function leave(): void {
    for (const end of ends ?? []) end();
    ends = sync = undefined;
    wasLive = false;
    clearTimeout(settled);
    settled = undefined;
    meanwhile.clear();
  }

  // --- the others ---

  /** What waits can be sent: it is not behind what waits for a person. */
  const count = (): void => send({ is: 'outbox', waiting: !!outbox.book.due(Infinity, 1, (entry) => isForeign(entry, mutations)).ready[0] });
  const proved = ({ online, verified }: NetworkStatus): void => send({ is: 'network', verified: online && verified });

  const stops = [
    network.subscribe(proved),
    outbox.onChanges(count),
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
  proved(network.status);

  return {
    get at() {
      return state.at;
    },
    get holds() {
      return holds(state);
    },
    subscribe,
    follow,
  };
}
