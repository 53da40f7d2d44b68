/**
 * `bindQueryClient`: what the events of a stream do to a TanStack Query cache.
 *
 * Invariants (SPEC §16, test/tanstack):
 * 1. A query is stale while its data was not read at or past what was heard of its paths (`heard.ts`); whatever happens to it is measured
 *    anew, so no fetch, revert or hand can make it fresh.
 * 2. A stale active query has a fetch on its way, a time at which one begins, or a mutation that it waits for; the last for 30 s at most (`tasks.ts`).
 * 3. A fetch that is on its way is waited for: one that follows another in every burst would never come to an end.
 */
import { invalid } from '../client/invalid.js';
import type { ClientEvent, SyncClient } from '../client/types.js';
import type { Where } from '../protocol/where.js';
import { cacheEnvironment, type CacheEnvironment } from './environment.js';
import { createHeard, type Demand } from './heard.js';
import { trpcPathsOf } from './keys.js';
import { isTexts, namesIn, type PathsOf } from './names.js';
import { readsOf } from './reads.js';
import { INSIDE, type Inside } from './inside.js';
import { createRows } from './rows.js';
import { createStatusBoard, type CacheStatus } from './status.js';
import { createTasks } from './tasks.js';
import type { QueryClientLike } from './types.js';

export interface BindOptions {
  /**
   * The query paths of a query key; undefined: none, no event concerns it. Default: `trpcPathsOf`. Where it throws, or gives what is no text and
   * no list of texts, that is reported, and every event concerns the query.
   */
  pathsOf?: PathsOf | undefined;
  /** For tests: the browser. */
  environment?: CacheEnvironment | undefined;
}

export interface QueryBinding {
  readonly status: CacheStatus;
  /** Calls `listener` at each change of `status` (not at the call). Gives back what ends that. */
  onStatus(listener: (status: CacheStatus) => void): () => void;
  /** Ends what the stream does to the cache. The client and the cache stay. */
  close(): void;
  [Symbol.dispose](): void;
}

const PLACED: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'invalidate']);

type Bound = Pick<SyncClient, 'status' | 'since' | 'sourceId' | 'subscribe' | 'onStatus'>;

export function bindQueryClient(queryClient: QueryClientLike, client: Bound, options: BindOptions = {}): QueryBinding {
  check(queryClient, client, options);
  const { pathsOf = trpcPathsOf, environment = cacheEnvironment() } = options;
  const reads = readsOf(queryClient);
  /** Of the same stream a binding before this one has heard, and this one goes on where that ended. */
  const before = reads.heardBefore(client.sourceId);
  const heard = before ?? createHeard();
  const board = createStatusBoard(environment.report);
  const namesOf = namesIn(pathsOf, environment.report);
  const tasks = createTasks({
    queryClient,
    reads,
    heard,
    namesOf,
    environment,
    refresh: () => heard.at(client.status.cursor),
    changed: publish,
    begun: (query) => inside.taps.forEach((tap) => tap.begun(query)),
  });
  const inside: Inside = { environment, queries: () => queryClient.getQueryCache().getAll(), namesOf, reads, heard, tasks, taps: new Set() };
  const rows = createRows({ queryClient, reads, heard, namesOf, environment, tasks, goesOn: before !== undefined });
  /** From some position on everything is heard. */
  let based = before !== undefined;
  let closed = false;
  /** A row is put there. */
  let showing = false;

  function demand(paths: readonly string[], given: Pick<Demand, 'position'> & { final: boolean; spread: number; own: boolean; where?: Where | undefined; event?: ClientEvent }): Demand {
    const tick = reads.tick();
    const demanded = { heard: tick, at: environment.now(), position: given.position, after: given.final ? tick : 0 };
    heard.at(client.status.cursor);
    const show = rows.take(given.event, given.final);
    heard.add(paths, demanded, given.where);
    showing = true;
    show(demanded);
    showing = false;
    tasks.mark(given.spread, given.own, ({ heard: at }) => at === tick);
    return demanded;
  }

  function hear(event: ClientEvent): void {
    if (event.type === 'ephemeral') return;
    const { cursor } = client.status;
    const { queryPaths, sourceId, seq, to, spreadMs, where } = event as { queryPaths: unknown; sourceId?: string; seq?: number; to?: number; spreadMs?: unknown; where?: Where };
    const paths = PLACED.has(event.type) && isTexts(queryPaths) ? queryPaths : ['*'];
    if (paths.length === 0) return;
    if (event.type === 'resync') heard.renew();
    const place = seq ?? to;
    const own = sourceId === client.sourceId;
    const demanded = demand(paths, {
      // An action that has no place yet is at no position; a `resync` is where the stream goes on. What comes late, of a life of the log that has
      // ended since, has a place that the log of now may never reach.
      position: place !== undefined ? cursor?.replace(/\d+$/, (head) => String(Math.min(place, Number(head)))) : event.type === 'invalidate' ? undefined : cursor,
      // Of these two no position alone says that it is past them.
      final: place === undefined,
      spread: typeof spreadMs === 'number' ? spreadMs : 0,
      own,
      where,
      event,
    });
    for (const tap of inside.taps) tap.heard(event, paths, demanded, own);
  }

  /**
   * From `since` on, else from where the stream is, everything is heard. What was read before that may lack what was told before it: of what a page
   * came with that is known, if the page's client was given a `since`; of everything else, by its own position alone.
   */
  function begin(since: string | undefined): void {
    const { state, cursor } = client.status;
    if (based || (state !== 'live' && cursor === undefined)) return;
    based = true;
    demand(['*'], { position: since ?? cursor, final: false, spread: 0, own: true });
  }

  function publish(): void {
    const { pending, failed } = tasks.stale();
    const live = based && client.status.state === 'live';
    board.tell({ state: !live ? 'unknown' : failed.length > 0 ? 'failed' : pending.length > 0 ? 'refetching' : 'current', pending, failed });
  }

  const own = typeof client.since === 'string' && !before ? client.since : undefined;
  reads.begins(own);
  const from = before?.latest ?? own;
  const ends = [
    reads.listen((query, what) => {
      for (const tap of inside.taps) tap.happened(query, what);
      // What a row settles needs no task.
      rows.happened(query, what);
      tasks.happened(query, what, showing);
    }),
    client.subscribe(hear, from === undefined ? {} : { since: from }),
    client.onStatus(({ state }) => {
      begin(own);
      if (state === 'live') tasks.retry();
      publish();
    }),
    queryClient.getMutationCache().subscribe(() => {
      rows.look();
      tasks.look();
    }),
    environment.listen((what) => {
      if (what === 'wake') tasks.hurry();
    }),
  ];
  begin(own);
  if (before) tasks.mark(0, true, () => true);
  publish();

  const close = (): void => {
    if (!closed && based) reads.part(client.sourceId, heard);
    closed = true;
    rows.end();
    tasks.end();
    inside.taps.clear();
    for (const end of ends.splice(0)) end();
    board.end();
  };

  return {
    get status() {
      return board.status;
    },
    onStatus: (listener) => board.listen(listener),
    close,
    [Symbol.dispose ?? Symbol.for('Symbol.dispose')]: close,
    [INSIDE]: inside,
  } as QueryBinding;
}

function check(queryClient: QueryClientLike, client: Bound, options: BindOptions): void {
  const wrong = (field: string, allowed: string): Error => invalid(`${field} must be ${allowed}`);
  if (typeof (queryClient as Partial<QueryClientLike> | null)?.getQueryCache !== 'function') throw wrong('queryClient', 'a QueryClient of TanStack Query 5');
  if (typeof (client as Partial<Bound> | null)?.subscribe !== 'function') throw wrong('client', 'what createSyncClient() gave');
  for (const name of Object.keys(options)) {
    if (name !== 'pathsOf' && name !== 'environment') throw wrong(`the option ${name}`, 'one of pathsOf, environment');
  }
  if (options.pathsOf !== undefined && typeof options.pathsOf !== 'function') throw wrong('pathsOf', 'a function');
}
