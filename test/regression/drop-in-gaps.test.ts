/**
 * The drop-in lost actions in silence. `getMissedActions` was exclusive, so that of two actions of one millisecond a client
 * that had seen the first never heard of the second; a log that no longer reached back gave what was left, without a
 * word; every failure was an empty list that nobody was told of. Two stretches of one millisecond had one id, and a client
 * that drops doubles dropped the second. `hub.disconnect` ended a subscriber that came back at once. A fresh subscriber
 * was told a minute of other people's history. While the hub drained, a subscriber asked to be let in without a pause, 10,000 times a
 * second, and `getMissedActions` gave nothing of a log that could still be read. Pinned here by what a client hears, on both engines.
 */
import { AsyncResource } from 'node:async_hooks';
import { createDropIn, createHub, type DropIn, type Hub, type HubFailure, type SyncAction } from '../../lib/index.js';
import { ENGINES } from '../support/engines.js';
import { waitFor, within } from '../support/wait.js';

const change = (fields: object = {}) => ({
  type: 'update' as const,
  module: 'guests',
  entityId: 'g1',
  companyId: 'acme',
  userId: 'ann',
  queryPaths: ['guests.getAll'],
  ...fields,
});
const ids = (actions: readonly SyncAction[]): string[] => actions.map(({ id }) => id);
/** As a request of a server: in an async context of its own. */
const request = <T>(fn: () => T): T => new AsyncResource('request').runInAsyncScope(fn);

/** Reads a subscriber until it is over. */
function follow(live: AsyncGenerator<SyncAction, undefined>): {
  got: SyncAction[];
  over: Promise<void>;
} {
  const got: SyncAction[] = [];
  const over = (async () => {
    for await (const action of live) got.push(action);
  })();
  over.catch(() => undefined);
  return { got, over };
}

describe.each(ENGINES)('%s engine', (engine) => {
  let hub: Hub;
  let own: DropIn;
  let failures: HubFailure[];
  const open = (options: object = {}): void => {
    hub = createHub({ engine, ...options });
    own = createDropIn(() => hub);
    failures = [];
    hub.on('error', (failure) => void failures.push(failure));
  };
  afterEach(() => hub.close());

  test('of two actions of one millisecond the second is told to who saw the first', async () => {
    open();
    const timestamp = Date.now() + 5_000;
    await hub.broadcastMany([change({ id: 'first', timestamp }), change({ id: 'second', timestamp })]);
    expect(ids(await own.getMissedActions('acme', timestamp))).toEqual(['first', 'second']);
    const cursor = `${(await hub.readLog('acme')).epoch}.1`;
    expect(ids(await own.getMissedActions('acme', cursor))).toEqual(['second']);
  });

  test('a log that does not reach back says so, first', async () => {
    open({ log: { maxActions: 2 } });
    await hub.broadcast(change({ id: 'lost' }));
    await hub.broadcastMany(['b', 'c', 'd'].map((id) => change({ id, timestamp: Date.now() + 5_000 })));
    const missed = await own.getMissedActions('acme', 1);
    expect(missed[0]).toMatchObject({
      type: 'update',
      module: '*',
      entityId: '*',
      queryPaths: ['*'],
    });
    expect(ids(missed.slice(1))).toEqual(['c', 'd']);
    const { epoch } = await hub.readLog('acme');
    expect(ids(await own.getMissedActions('acme', `${epoch}.1`))[0]).toMatch(/^resync-/);
    expect((await own.getMissedActions('acme', 'other.1'))[0]).toMatchObject({
      entityId: '*',
    });
    expect(ids(await own.getMissedActions('acme', `${epoch}.2`))).toEqual(['c', 'd']);
  });

  test('what fails is an empty list and an event, after close() too', async () => {
    open();
    expect(await own.getMissedActions(null as never, 0)).toEqual([]);
    expect(await own.getMissedActions('acme', 'yesterday')).toEqual([]);
    await hub.close();
    expect(await own.getMissedActions('acme', 0)).toEqual([]);
    expect(failures.map(({ during, error }) => [during, (error as { code?: string }).code])).toEqual([
      ['readLog', 'INVALID_COMPANY_ID'],
      ['readLog', 'INVALID_FIELD'],
      ['readLog', 'HUB_CLOSED'],
    ]);
  });

  test('two stretches never share an id', async () => {
    open({ log: { compactAfter: 2 } });
    const { got } = follow(own.subscribeToCompany('acme'));
    await waitFor(() => hub.metrics().sinkConnections === 1, 'the subscriber');
    const rows = (path: string) => Array.from({ length: 5 }, () => change({ queryPaths: [path] }));
    await Promise.all([hub.broadcastMany(rows('guests.getAll')), hub.broadcastMany(rows('hotels.getAll'))]);
    await waitFor(() => got.length === 2, 'both imports');
    expect(got.map(({ queryPaths }) => queryPaths)).toEqual([['guests.getAll'], ['hotels.getAll']]);
    const { epoch } = await hub.readLog('acme');
    expect(ids(got)).toEqual([`invalidate-1-${epoch}.5`, `invalidate-6-${epoch}.10`]);
  });

  test('who is disconnected is so for good, a slow consumer and one by user too; who is drained comes back', async () => {
    open({ slowTimeoutMs: 100, connectionCapBytes: 4_096 });
    const revoked = follow(own.subscribeToCompany('acme'));
    const user = follow(own.subscribeToCompany('other', undefined, { userId: 'bob' }));
    const back = follow(own.subscribeToCompany('third'));
    const slow = own.subscribeToCompany('acme');
    const first = slow.next();
    await waitFor(() => hub.metrics().sinkConnections === 4, 'the subscribers');
    await hub.broadcast(change({ id: 'seen' }));
    expect((await first).value).toMatchObject({ id: 'seen' });
    // Nobody pulls it any more: the hub fills it up and cuts it off.
    for (let i = 0; i < 40; i++) await hub.broadcast(change({ data: 'x'.repeat(2_000) }));
    await waitFor(() => hub.metrics().closes['slow'] === 1, 'the slow one to be cut off');
    expect(await hub.disconnect({ companyId: 'acme' })).toBe(1);
    expect(await hub.disconnect({ userId: 'bob' })).toBe(1);
    expect(await hub.disconnect({ companyId: 'third' }, 'drain')).toBe(1);
    await within(Promise.all([revoked.over, user.over]), 'the ends');
    await hub.broadcast(change({ id: 'secret' }));
    const rest: SyncAction[] = [];
    for await (const action of slow) rest.push(action);
    expect(ids([...revoked.got, ...rest])).not.toContain('secret');
    await hub.broadcast(change({ id: 'again', companyId: 'third' }));
    await waitFor(() => ids(back.got).includes('again'), 'the one that came back');
  });

  test('a drain ends a subscriber: it asks once more, and no hub that drains lets anybody in', async () => {
    open({ limits: { perUser: 0 } });
    const { over } = follow(own.subscribeToCompany('acme'));
    const others = Array.from({ length: 3 }, () => hub.stream({ companyId: 'acme', userId: 'ann' }));
    await Promise.all(others.map((stream) => stream.next()));
    await waitFor(() => hub.metrics().sinkConnections === 4, 'the streams');
    const drained = hub.drain({ overMs: 300 });
    await within(over, 'the end of the subscriber');
    const late = follow(own.subscribeToCompany('acme'));
    await within(late.over, 'the end of one that comes too late');
    await within(drained, 'the drain');
    expect(hub.metrics().refusals['DRAINING']).toBe(2);
    expect(hub.metrics().sinkConnections).toBe(0);
  });

  test('while the hub drains, the missed actions are those of the log', async () => {
    open({ limits: { perUser: 0 }, log: { maxActions: 3 } });
    const since = Date.now();
    await hub.broadcastMany(['a', 'b', 'c', 'd'].map((id) => change({ id })));
    const { epoch } = await hub.readLog('acme');
    await hub.drain({ overMs: 0 });
    const missed = async (from: number | string): Promise<string[]> =>
      ids(await own.getMissedActions('acme', from)).map((id) => id.replace(epoch, 'epoch'));
    expect(await missed(0)).toEqual(['b', 'c', 'd']);
    expect(await missed(`${epoch}.2`)).toEqual(['c', 'd']);
    expect(await missed(`${epoch}.4`)).toEqual([]);
    // Where the log does not reach back, or nobody can tell, everything is stale.
    expect(await missed(since)).toEqual(['resync-epoch.4', 'b', 'c', 'd']);
    expect(await missed(`${epoch}.0`)).toEqual(['resync-epoch.4', 'b', 'c', 'd']);
    expect(await missed(`${epoch}.9`)).toEqual(['resync-epoch.4']);
    expect(await missed('other.1')).toEqual(['resync-epoch.4', 'b', 'c', 'd']);
    expect(ids(await own.getMissedActions('nobody', since))).toEqual([]);
    expect(failures).toEqual([]);
  });

  test('a slow consumer that was cut off goes on where it was, without a gap and without a repeat', async () => {
    open({ slowTimeoutMs: 100, connectionCapBytes: 4_096 });
    const live = own.subscribeToCompany('acme');
    const first = live.next();
    await waitFor(() => hub.metrics().sinkConnections === 1, 'the subscriber');
    for (let i = 1; i <= 40; i++) await hub.broadcast(change({ id: `a${i}`, data: 'x'.repeat(2_000) }));
    await waitFor(() => hub.metrics().closes['slow'] === 1, 'it to be cut off');
    await hub.broadcast(change({ id: 'last' }));
    const got = [(await first).value as SyncAction & { seq?: number }];
    const upTo = (action: SyncAction): boolean => action.id === 'last' || action.id.endsWith('.41');
    while (!upTo(got.at(-1) as SyncAction)) got.push((await live.next()).value as SyncAction);
    await live.return(undefined);
    const singles = got.flatMap(({ seq }) => seq ?? []);
    expect(new Set(singles).size).toBe(singles.length);
    expect(singles).toEqual([...singles].sort((a, b) => a - b));
    const stretches = ids(got).flatMap((id) => {
      const match = /^invalidate-(\d+)-.*\.(\d+)$/.exec(id);
      return match ? [{ from: Number(match[1]), to: Number(match[2]) }] : [];
    });
    const covered = Array.from({ length: 41 }, (_, i) => i + 1).filter(
      (seq) => singles.includes(seq) || stretches.some(({ from, to }) => from <= seq && seq <= to),
    );
    expect(covered).toHaveLength(41);
  });

  test("a page that is opened hears nothing of other people's past; one that comes back hears all of its own", async () => {
    open();
    await hub.broadcast(change({ id: 'before' }));
    const since = Date.now() + 1;
    const back = request(() =>
      (async function* () {
        for (const action of await own.getMissedActions('acme', since)) yield action;
        yield* own.subscribeToCompany('acme');
      })(),
    );
    const first = request(() => back.next());
    await hub.broadcast(change({ id: 'missed', timestamp: since + 10_000 }));
    expect(((await first).value as SyncAction).id).toBe('missed');
    await waitFor(() => hub.metrics().sinkConnections <= 1, 'the read to be over');
    await hub.broadcast(change({ id: 'between' }));
    expect((await request(() => back.next())).value).toMatchObject({
      id: 'between',
    });

    const fresh = request(() => own.subscribeToCompany('acme'));
    const next = request(() => fresh.next());
    await waitFor(() => hub.metrics().sinkConnections === 2, 'the fresh page');
    await hub.broadcast(change({ id: 'new' }));
    expect((await next).value).toMatchObject({ id: 'new' });
    await Promise.all([back.return(undefined), fresh.return(undefined)]);
  });
});
