/**
 * One process of a race for seats: asks for seats of a few companies and users and gives them back, `admissions` times, and writes when it
 * surely held each (from the answer to the call that gave it back; ns of the machine's steady clock) to `file`. Then, where it is told to hold, it takes what it
 * can of that company, says how many, and waits to be killed; it says of each that it has to end.
 */
import { writeFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { seatsKey } from '../../../lib/redis/keys.js';
import { ioredisBroker } from '../../../lib/redis/brokers/ioredis.js';
import { Life } from '../../../lib/redis/nodes/life.js';
import { Seats } from '../../../lib/redis/seats/seats.js';
import { makeRandom } from '../../support/random.js';

export interface Race {
  socket: string;
  node: string;
  admissions: number;
  seed: number;
  file: string;
  perUser: number;
  perCompany: number;
  policy: 'reject' | 'evict-oldest';
  /** A company. */
  holds?: string;
}

const race = JSON.parse(process.argv[2] as string) as Race;
/** Admissions under way at once. */
const WIDTH = 32;

async function main(): Promise<void> {
  const client = new Redis({ path: race.socket });
  const broker = ioredisBroker(client);
  const random = makeRandom(race.seed);
  const spans: string[] = [];
  const open = new Map<string, { company: number; user: number; since: bigint }>();
  let ids = 0;
  const life = new Life({ broker, prefix: 'pathcast', nodeId: race.node });
  const giveBack = (id: string): void => {
    const seat = open.get(id);
    if (!seat) return;
    open.delete(id);
    spans.push(`${String(seat.company)} ${String(seat.user)} ${String(seat.since)} ${String(process.hrtime.bigint())}`);
    seats.release(id);
  };
  const seats = new Seats(life, race, (company, id, reason) => {
    giveBack(id);
    if (company !== race.holds) return;
    seats.release(id);
    process.stdout.write(`${JSON.stringify({ ended: id, reason })}\n`);
  });
  broker.subscribe(`pathcast:1:node:${race.node}`, {
    subscribed: () => undefined,
    message: (payload) => {
      const { ended, reason } = JSON.parse(payload.toString().slice(2)) as { ended: string; reason: 'evicted' };
      seats.ended(ended, reason);
    },
  });

  let left = race.admissions;
  let refused = 0;
  const racer = async (): Promise<void> => {
    while (left-- > 0) {
      const [company, user] = [random.below(3), random.below(4)];
      const id = `${race.node}-${String((ids += 1))}`;
      const answer = await seats.admit({ companyId: `c${String(company)}`, userId: `u${String(user)}`, id, kind: 'stream' });
      if (!answer.ok) refused += 1;
      else if (answer.fate) seats.release(id);
      else open.set(id, { company, user, since: process.hrtime.bigint() });
      if (open.size > 6 || random.chance(0.4)) giveBack([...open.keys()][random.below(open.size)] ?? '');
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, racer));
  for (const id of [...open.keys()]) giveBack(id);
  writeFileSync(race.file, spans.join('\n'));
  // What was given back in this turn is on its way before what is asked now.
  await new Promise((resolve) => setImmediate(resolve));
  let remains = 0;
  for (const name of ['c0', 'c1', 'c2']) remains += Number(await broker.command(['ZCARD', `${seatsKey('pathcast', name)}:${race.node}`]));
  let held = 0;
  if (race.holds) {
    while ((await seats.admit({ companyId: race.holds, userId: `u${String(held)}`, id: `${race.node}-held-${String(held)}`, kind: 'stream' })).ok) held += 1;
  }
  const { admittedLocally, fenced } = seats.metrics();
  process.stdout.write(`${JSON.stringify({ refused, held, remains, admittedLocally, fenced })}\n`);
  if (race.holds) await new Promise(() => setInterval(() => undefined, 60_000));
  await life.leave();
  await broker.close();
  client.disconnect();
}
void main();
