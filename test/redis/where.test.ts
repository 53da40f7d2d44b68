/** SPEC §19 over two nodes: what an action is narrowed to goes through Redis, to a stream, into the other node's log and into what it makes of many. */
import type { SyncEvent } from '../../lib/index.js';
import { createHub, type Hub } from '../../lib/server/hub.js';
import { change } from '../support/actions.js';
import { RedisServer } from '../support/redis.js';
import { within } from '../support/wait.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server?.end());
const hubs: Hub[] = [];
const streams: Stream[] = [];
afterEach(async () => {
  for (const stream of streams.splice(0)) await stream.return(undefined);
  for (const hub of hubs.splice(0)) await within(hub.close({ flushMs: 0 }), 'the hub to close');
});

type Stream = AsyncGenerator<SyncEvent, undefined, undefined>;
async function next(stream: Stream): Promise<SyncEvent> {
  for (;;) {
    const { value } = await within(stream.next(), 'an event');
    if (value!.type !== 'ping') return value!;
  }
}

async function open(hub: Hub, userId: string, lastEventId?: string): Promise<Stream> {
  const stream = hub.stream({ companyId: 'acme', userId, ...(lastEventId === undefined ? {} : { lastEventId }) });
  streams.push(stream);
  expect((await next(stream)).type).toBe('hello');
  return stream;
}

test.each(['js', 'native'] as const)('%s engine', async (engine) => {
  for (let i = 0; i < 2; i++) {
    const from = engine === 'native' ? { url: `redis+unix://${server.socket}` } : { client: server.client() };
    // A busy machine is not to be taken for a Redis that is away.
    hubs.push(createHub({ engine, redis: { ...from, publishWaitMs: 10_000 }, log: { compactAfter: 2 } }));
  }
  const [one, two] = hubs as [Hub, Hub];
  await one.ready();
  await two.ready();
  const queryPaths = ['guests.getById', 'guests.getAll', 'budget'];
  const there = await open(two, 'ann');
  const before = two.position('acme')!;

  // What cannot be read goes, and takes nothing with it.
  const where = { 'guests.getById': { id: 'g"1\u2028', at: new Date(0), big: 2n ** 70n }, 'guests.getAll': { clientId: ['c1', 'c2'] } };
  const travels = { ...where, 'guests.getById': { id: 'g"1\u2028', at: '1970-01-01T00:00:00.000Z', big: String(2n ** 70n) } };
  await one.broadcast({ ...change, queryPaths, where });
  expect(await next(there)).toMatchObject({ type: 'update', queryPaths, where: travels });
  // The other node's log says the same to who comes back there.
  expect(await next(await open(two, 'bea', before))).toMatchObject({ type: 'update', where: travels });

  await one.broadcast({ ...change, queryPaths: ['guests.getById'], where: { 'guests.getById': { id: 'g2' } } });
  await two.broadcast({ ...change, queryPaths: ['guests.getAll'] });
  const together = { 'guests.getById': { id: ['g"1\u2028', 'g2'] } };
  for (const hub of [one, two]) {
    const late = await next(await open(hub, 'late', before));
    expect(late).toMatchObject({ type: 'invalidate', where: together });
    expect([...late.queryPaths].sort()).toEqual([...queryPaths].sort());
  }
});
