/** One process that is a node: `ann` is there, in each of the given companies. Says `there`, and waits to be killed. */
import { Redis } from 'ioredis';
import { createHub } from '../../../lib/server/hub.js';

const [socket = '', ...companies] = process.argv.slice(2);
const hub = createHub({ engine: 'js', redis: new Redis({ path: socket }) });
setInterval(() => undefined, 60_000);

async function main(): Promise<void> {
  await hub.ready();
  for (const companyId of companies) {
    const stream = hub.stream({ companyId, userId: 'ann', presence: { topics: ['budget'] } });
    await stream.next();
  }
  process.stdout.write('there\n');
}

void main();
