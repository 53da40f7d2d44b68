/** A CDC worker as a process of its own: says each of its states on a line. Argument: JSON of `WorkerArguments`. */
import { Redis } from 'ioredis';
import { createCdc } from '../../../lib/postgres/index.js';
import { createHub } from '../../../lib/server/hub.js';
import { GUESTS } from '../guests.js';

export interface WorkerArguments {
  url: string;
  slot: string;
  redis: string;
  prefix: string;
  activities?: boolean;
}

const { url, slot, redis, prefix, activities } = JSON.parse(process.argv[2] ?? '') as WorkerArguments;
const client = new Redis({ path: redis, retryStrategy: () => 20, maxRetriesPerRequest: null });
const hub = createHub({ engine: 'js', redis: { client, prefix }, log: { maxActions: 100_000 } });
const alive = setInterval(() => undefined, 60_000);
const cdc = createCdc({ hub, connection: url, slot, map: GUESTS, activities });
for (const kind of ['warning', 'error'] as const) hub.on(kind, (told) => process.stderr.write(`worker: ${JSON.stringify(told)}\n`));
cdc.on('state', ({ state }) => process.stdout.write(`${state}\n`));
cdc.start().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  clearInterval(alive);
});
