/** SPEC §20 over three nodes: a row goes through Redis, to a stream and into the log; where the log keeps no data it is no row there. */
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

test.each([
  ['js', 'data in the log', true],
  ['native', 'data in the log', true],
  ['js', 'no data in the log', false],
  ['native', 'no data in the log', false],
] as const)('%s engine, %s', async (engine, _, data) => {
  for (let i = 0; i < 3; i++) {
    const from = engine === 'native' ? { url: `redis+unix://${server.socket}` } : { client: server.client() };
    hubs.push(createHub({ engine, redis: { ...from, prefix: `row-${engine}-${data}`, publishWaitMs: 10_000 }, log: { data } }));
  }
  const [one, two, three] = hubs as [Hub, Hub, Hub];
  for (const hub of hubs) await hub.ready();
  const there = await open(two, 'ann');
  const before = two.position('acme')!;

  const row = { query: 'guests.getById', input: { id: 'g"1\u2028' }, list: 'guests.getAll', at: before, audience: 'company' } as const;
  await one.broadcast({ ...change, queryPaths: ['guests'], data: { id: 'g"1\u2028' }, row });
  const { list: _list, audience: _audience, ...rest } = row;
  const travels = { data: { id: 'g"1\u2028' }, row: { ...rest, lists: ['guests.getAll'] } };
  const live = await next(there);
  // A node that heard nothing of it reads the log.
  const late = await next(await open(three, 'bea', before));
  expect(live).toMatchObject(travels);
  // One without the other would be a row of nothing.
  if (data) expect(late).toMatchObject(travels);
  else expect(Object.keys(late).filter((key) => key === 'row' || key === 'data')).toEqual([]);
});
