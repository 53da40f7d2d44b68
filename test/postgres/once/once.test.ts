/**
 * Mutations with ids of their own, each sent two to five times at once to two servers, which are killed and started again, as
 * the database is. Each is done once, and each of its senders gets the same answer. `PATHCAST_ONCE=10000` says how many.
 */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { createTRPCUntypedClient, httpLink, TRPCClientError } from '@trpc/client';
import superjson from 'superjson';
import { transactionTables } from '../../../lib/postgres/transactions/index.js';
import { endChild } from '../../support/child.js';
import { freePort } from '../../support/free-port.js';
import { PostgresServer } from '../../support/postgres.js';
import { Program } from '../../support/program.js';
import { makeRandom } from '../../support/random.js';

const MUTATIONS = Number(process.env['PATHCAST_ONCE'] ?? 600);
/** At once, of one store. */
const SENDERS = 24;
/** Mutations between two faults. */
const FAULT_EVERY = Math.min(250, MUTATIONS / 12);
/** ms; a machine of a third of the speed is no fault. */
const TIMEOUT_MS = 120_000 + MUTATIONS * 300;

interface Answer {
  name: string;
  n: number;
  at: Date;
  by: number;
}

/** Jest's objects are not Node's, and superjson looks for dates in its own alone. */
const fetchHere = (async (url: string, init: RequestInit) => {
  const response = await fetch(url, init);
  return { ok: response.ok, status: response.status, json: async () => JSON.parse(await response.text()) as unknown };
}) as never;

let server: PostgresServer;
let program: Program;
beforeAll(async () => {
  server = await PostgresServer.start({ settings: { max_connections: '200' } });
  await server.sql(transactionTables());
  await server.sql('CREATE TABLE effects (n serial PRIMARY KEY, what text NOT NULL)');
  program = new Program(path.join(__dirname, 'server.ts'), { packages: 'external' });
});
afterAll(async () => {
  await program.end();
  await server.end();
});

test.each(['pg', 'drizzle'])('%s: each mutation is done once, whatever dies', async (store) => {
  await server.sql('TRUNCATE effects, pathcast.transactions');
  const random = makeRandom(store === 'pg' ? 1 : 2);
  const ports = [await freePort(), await freePort()];
  const start = async (port: number) => {
    const run = program.run(server.url(), String(port), store);
    await run.line;
    return run.child;
  };
  const children = await Promise.all(ports.map(start));
  const clients = ports.map((port) => createTRPCUntypedClient({ links: [httpLink({ url: `http://127.0.0.1:${port}`, transformer: superjson, fetch: fetchHere })] }));

  const failures = new Map<string, number>();
  /** Until there is an answer: with the same id it costs nothing. */
  const send = async (input: object, first: number): Promise<Answer> => {
    for (let tried = first; ; tried++) {
      try {
        return (await clients[tried % clients.length]!.mutation('count.add', input)) as Answer;
      } catch (error) {
        const data = error instanceof TRPCClientError ? (error.data as { pathcast?: { code: string }; code?: string } | undefined) : undefined;
        const why = data?.pathcast?.code ?? data?.code ?? 'no answer';
        failures.set(why, (failures.get(why) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, 5 + random.below(30)));
      }
    }
  };

  const answers = new Map<string, Answer[]>();
  let begun = 0;
  let sent = 0;
  const sender = async (): Promise<void> => {
    while (begun < MUTATIONS) {
      begun += 1;
      const name = `m${begun}`;
      const input = { name, tx: { transactionId: randomUUID() } };
      const times = 2 + random.below(4);
      sent += times;
      answers.set(name, await Promise.all([...Array(times).keys()].map((at) => send(input, at))));
    }
  };

  let over = false;
  const faults = async (): Promise<number> => {
    let done = 0;
    while (!over) {
      if (answers.size < FAULT_EVERY * (done + 1)) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        continue;
      }
      done += 1;
      if (done % 3 === 0) {
        await server.crash();
        await server.up();
      } else {
        const at = done % 2;
        await endChild(children[at]!);
        children[at] = await start(ports[at]!);
      }
    }
    return done;
  };

  const [hurt] = await Promise.all([faults(), Promise.all([...Array(SENDERS).keys()].map(sender)).finally(() => (over = true))]);
  await Promise.all(children.map((child) => endChild(child)));

  expect(answers.size).toBe(MUTATIONS);
  const differing = [...answers].filter(([name, [first, ...others]]) => first!.name !== name || others.some((one) => JSON.stringify(one) !== JSON.stringify(first)));
  expect(differing).toEqual([]);
  const undated = [...answers.values()].flat().filter(({ at }) => !(at instanceof Date));
  expect(undated).toEqual([]);
  const effects = (await server.sql('SELECT what, count(*), min(n) FROM effects GROUP BY what')).map(([what, count, n]) => `${what} ${count} ${n}`);
  expect(new Set(effects)).toEqual(new Set([...answers].map(([name, [first]]) => `${name} 1 ${first!.n}`)));
  expect(hurt).toBeGreaterThanOrEqual(6);
  // What the faults did was seen: not all was answered at once.
  expect(failures.get('no answer')).toBeGreaterThan(0);
  expect(failures.get('INTERNAL_SERVER_ERROR')).toBeGreaterThan(0);
  console.log(`${store}: ${MUTATIONS} mutations sent ${sent} times, ${hurt} faults, ${JSON.stringify(Object.fromEntries(failures))}`);
}, TIMEOUT_MS);
