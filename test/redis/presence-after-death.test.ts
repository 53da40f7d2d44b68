/**
 * After a node's death somebody tells who has gone with it (SPEC §13), also where nobody is present at any node that lives: a page that only watches
 * showed the dead for ever, until somebody asked who is there. A node looks through all companies that somebody listens to at it, by a process that is killed.
 */
import path from 'node:path';
import { createHub, type Hub } from '../../lib/server/hub.js';
import type { SyncEvent } from '../../lib/index.js';
import { nodesKey } from '../../lib/redis/keys.js';
import { endChild } from '../support/child.js';
import { Program } from '../support/program.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';

/** ms after the end of the node's life, as Redis has it; and what of that a busy machine may take. */
const PROMISED_MS = 10_000;
const BUSY_MS = 2_000;
/** ms; a life of 25 s, and more than is promised. */
const WAITED_MS = 60_000;
const ENGINES = ['js', 'native'] as const;
let server: RedisServer;
let program: Program;
const hubs: Hub[] = [];
const streams: AsyncGenerator<SyncEvent, undefined, undefined>[] = [];
beforeAll(async () => {
  server = await RedisServer.start();
  program = new Program(path.join(__dirname, 'programs', 'present.ts'));
});
afterAll(async () => {
  for (const stream of streams) await stream.return(undefined);
  for (const hub of hubs) await within(hub.close({ flushMs: 0 }), 'the hub to close');
  await program?.end();
  await server?.end();
});

test(
  'who was at a node that is killed has left where somebody only watches, once',
  async () => {
    const heard = await Promise.all(
      ENGINES.map(async (engine) => {
        const hub = createHub({ engine, redis: `redis+unix://${server.socket}` });
        hubs.push(hub);
        await hub.ready();
        const stream = hub.stream({ companyId: `watched ${engine}`, userId: 'watcher' });
        streams.push(stream);
        await within(stream.next(), 'its first event');
        const events: string[] = [];
        void (async () => {
          for await (const event of stream) {
            const { topic, data } = event as { topic?: string; data?: { event: string; userId: string; topics: string[] } };
            if (topic === 'presence' && data) events.push(`${data.event} ${data.userId} ${data.topics.join()}`);
          }
        })();
        return { engine, events };
      }),
    );
    const clock = server.client();
    const ours = await clock.zrange(nodesKey('pathcast'), 0, -1);
    const { child, line } = program.run(server.socket, ...ENGINES.map((engine) => `watched ${engine}`));
    expect(await within(line, 'the other node')).toBe('there');
    for (const { engine, events } of heard) await waitFor(() => events.length === 1, `${engine} hears that ann came`);
    await endChild(child, 'SIGKILL');
    const [dead = ''] = (await clock.zrange(nodesKey('pathcast'), 0, -1)).filter((node) => !ours.includes(node));
    const till = Number(await clock.zscore(nodesKey('pathcast'), dead));
    for (const { events } of heard) await waitFor(() => events.length > 1, 'who has gone with the node is told', WAITED_MS);
    const [seconds = 0, micros = 0] = (await clock.time()).map(Number);
    expect(seconds * 1_000 + micros / 1_000 - till).toBeGreaterThan(0);
    expect(seconds * 1_000 + micros / 1_000 - till).toBeLessThan(PROMISED_MS + BUSY_MS);
    expect(heard.map(({ events }) => events)).toEqual(ENGINES.map(() => ['join ann budget', 'leave ann budget']));
  },
  2 * WAITED_MS,
);
