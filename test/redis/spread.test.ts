/** SPEC §18 over two nodes: what their streams are told to spread over counts those of both. And §17: what a node has of a log that another one fills. */
import type { SyncEvent } from '../../lib/index.js';
import { createHub, type Hub } from '../../lib/server/hub.js';
import { change } from '../support/actions.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server?.end());
const hubs: Hub[] = [];
const streams: AsyncGenerator<SyncEvent, undefined, undefined>[] = [];
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

async function open(hub: Hub, userId: string): Promise<Stream> {
  const stream = hub.stream({ companyId: 'acme', userId });
  streams.push(stream);
  expect((await next(stream)).type).toBe('hello');
  return stream;
}

test.each(['js', 'native'] as const)('%s engine', async (engine) => {
  for (let i = 0; i < 2; i++) {
    const from = engine === 'native' ? { url: `redis+unix://${server.socket}` } : { client: server.client() };
    // A busy machine is not to be taken for a Redis that is away.
    hubs.push(createHub({ engine, redis: { ...from, publishWaitMs: 10_000 }, spread: { freeStreams: 3, perStreamMs: 10 } }));
  }
  const [one, two] = hubs as [Hub, Hub];
  await one.ready();
  await two.ready();
  await waitFor(async () => (await one.nodes()).length >= 2 && (await two.nodes()).length >= 2, 'both know each other');
  expect(two.position('acme')).toBeUndefined();
  const first = await open(one, 'ann');
  await one.broadcast({ ...change });
  // Two, as far as a node can tell: its own for each node.
  expect(await next(first)).toMatchObject({ type: 'update', seq: expect.any(Number) });
  const others = [await open(one, 'bea'), await open(two, 'cid')];
  const result = await two.broadcast({ ...change });
  const place = result.ok ? `${result.epoch}.${result.seq}` : '';
  const [onOne, alsoOnOne, onTwo] = await Promise.all([first, ...others].map(next));
  expect(onOne).toMatchObject({ spreadMs: 40 });
  expect(alsoOnOne).toMatchObject({ spreadMs: 40 });
  expect(onTwo).toMatchObject({ type: 'update' });
  expect(onTwo).not.toHaveProperty('spreadMs');
  expect([one.position('acme'), two.position('acme')]).toEqual([place, place]);
});
