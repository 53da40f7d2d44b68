/** What lies between the worker and PostgreSQL goes dead without a word, or one of the two connections ends alone. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createCdc, type Cdc } from '../../lib/postgres/index.js';
import { createHub, type Hub } from '../../lib/server/hub.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor, within } from '../support/wait.js';
import { GUESTS, GUEST_TABLE } from './guests.js';

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start({ settings: { wal_sender_timeout: '2s' } });
  await postgres.sql(GUEST_TABLE);
}, 120_000);
afterAll(() => postgres?.end());

/** A way on which nothing comes through any more, an end neither: the peer behind it is gone without a word. New ones are well. */
class DeadLink {
  readonly #open = new Set<[Socket, Socket]>();
  readonly #sockets = new Set<Socket>();

  private constructor(readonly server: Server) {}

  static async start(target: number): Promise<DeadLink> {
    const server = createServer({ allowHalfOpen: true });
    const link = new DeadLink(server);
    server.on('connection', (client) => {
      const pair: [Socket, Socket] = [client, connect({ port: target, host: '127.0.0.1', allowHalfOpen: true })];
      link.#open.add(pair);
      for (const [from, to] of [pair, [pair[1], pair[0]]] as const) {
        link.#sockets.add(from);
        from.on('error', () => undefined);
        from.on('data', (bytes) => link.#open.has(pair) && to.write(bytes));
        from.on('end', () => link.#open.has(pair) && to.end());
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return link;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  die(): void {
    this.#open.clear();
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await waitFor(async () => (await postgres.value('SELECT count(*) FROM pg_replication_slots WHERE active')) === '0', 'the slot to be let go');
});

async function start(connection: string): Promise<{ hub: Hub; cdc: Cdc }> {
  const hub = createHub({ engine: 'js' });
  for (const kind of ['warning', 'error'] as const) hub.on(kind, () => undefined);
  closing.push(() => within(hub.close(), 'the hub to close'));
  const cdc = createCdc({ hub, connection, map: GUESTS });
  closing.push(() => within(cdc.close(), 'the worker to close'));
  await within(cdc.start(), 'the worker to start');
  return { hub, cdc };
}

test('connections behind which nobody answers any more are given up, and new ones are made', async () => {
  const link = await DeadLink.start(postgres.port);
  closing.push(() => link.close());
  const { hub, cdc } = await start(postgres.url().replace(String(postgres.port), String(link.port)));
  await postgres.sql(`INSERT INTO guests VALUES ('g1', 'acme')`);
  await waitFor(async () => (await hub.readLog('acme')).actions.length === 1, 'the first change');
  link.die();
  await postgres.sql(`INSERT INTO guests VALUES ('g2', 'acme')`);
  await waitFor(async () => (await hub.readLog('acme')).actions.length === 2, 'the change behind the dead connection');
  expect(cdc.metrics().connections).toBeGreaterThan(1);
  // And who stops waits for nobody either.
  link.die();
  await within(cdc.close(), 'the worker to close');
  expect(cdc.status().state).toBe('stopped');
});

test('a connection for questions that is ended alone is made anew: what is told of the slot goes on', async () => {
  const { hub, cdc } = await start(postgres.url());
  await waitFor(() => cdc.metrics().slot, 'the first look');
  await postgres.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pathcast cdc' AND backend_type = 'client backend'`);
  const before = cdc.metrics().slot;
  await postgres.sql(`INSERT INTO guests VALUES ('g3', 'acme')`);
  await waitFor(async () => (await hub.readLog('acme')).actions.some((text) => text.includes('"g3"')), 'the change');
  await waitFor(() => cdc.metrics().slot !== before, 'another look');
  expect(cdc.metrics().connections).toBe(1);
});
