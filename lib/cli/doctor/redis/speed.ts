/** How long Redis takes, and what time it has. */
import { randomBytes } from 'node:crypto';
import { keysOf } from '../../../redis/keys.js';
import { PUBLISH } from '../../../redis/scripts/publish.js';
import { READ } from '../../../redis/scripts/read.js';
import type { RedisConnection } from '../../redis/connection.js';
import { listIn, textIn } from '../../redis/resp.js';
import { scratchCompany } from './rights.js';
import type { Ward } from './ward.js';

/** Of one measurement: so many, or as many as go into `ROUNDS_MS`, five at least. */
const ROUNDS = 100;
const ROUNDS_MS = 500;
const LEAST_ROUNDS = 5;
/** ms: within a region a round trip is far below it. */
const FAR_MS = 5;
/** ms that a script may take beside its round trip; on an idle Redis it is some 0.05. */
const SLOW_MS = 5;
/** ms: what a clock may be off without an effect that anybody sees. */
const CLOCK_MS = 2_000;

const shown = (ms: number): string => (ms < 10 ? `${ms.toFixed(2)} ms` : `${Math.round(ms)} ms`);

interface Times {
  /** By which it is judged: where a quarter of the rounds is fast, this machine is slow, not Redis. */
  quartile: number;
  median: number;
  worst: number;
  count: number;
}

async function timesOf(once: () => Promise<unknown>): Promise<Times> {
  const times: number[] = [];
  const end = performance.now() + ROUNDS_MS;
  while (times.length < LEAST_ROUNDS || (times.length < ROUNDS && performance.now() < end)) {
    const began = performance.now();
    await once();
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  return { quartile: times[times.length >> 2] ?? 0, median: times[times.length >> 1] ?? 0, worst: times.at(-1) ?? 0, count: times.length };
}

export async function judgePings({ client, visit }: Ward): Promise<void> {
  const { quartile, median, worst, count } = await timesOf(() => client.main.ask('PING'));
  const told = `a round trip takes ${shown(median)}, at worst ${shown(worst)} (${count} times PING)`;
  if (quartile > FAR_MS) visit.found('redis-far', `From here ${told}.`);
  else visit.checked(`Latency: ${told}.`);
}

/** By the clock of Redis, half a round trip reckoned in. */
export async function judgeClock({ client, visit }: Ward): Promise<void> {
  const began = Date.now();
  const [seconds, micros] = listIn(await client.main.ask('TIME')).map(textIn);
  const middle = (began + Date.now()) / 2;
  if (seconds === undefined) {
    visit.notChecked('The clock of Redis: this user may not run TIME.');
    return;
  }
  const off = Number(seconds) * 1_000 + Number(micros) / 1_000 - middle;
  if (Math.abs(off) > CLOCK_MS) visit.found('redis-clock', `The clock of Redis is ${(Math.abs(off) / 1_000).toFixed(1)} s ${off > 0 ? 'ahead of' : 'behind'} that of this machine.`);
  else visit.checked(`Clock: that of Redis differs by ${Math.round(Math.abs(off))} ms from here.`);
}

/** Published and read in a company of its own, which is taken away again. */
export async function judgeScripts({ client, prefix, url, visit }: Ward): Promise<void> {
  const keys = keysOf(prefix, scratchCompany());
  const connection = await client.ownerOf(keys.head);
  const ping = await timesOf(() => connection.ask('PING'));
  const ring = url.kind === 'cluster' ? 'SPUBLISH' : 'PUBLISH';
  const common = { names: [keys.head, keys.log, keys.ids], run: runOf(textIn(await connection.command('INFO', 'server'))) };
  const sha = { publish: '', read: '' };
  sha.publish = textIn(await connection.command('SCRIPT', 'LOAD', PUBLISH));
  sha.read = textIn(await connection.command('SCRIPT', 'LOAD', READ));
  const epoch = randomBytes(6).toString('hex');
  let count = 0;
  try {
    const publish = await timesOf(() => {
      count++;
      const known = count === 1 ? ['', '', 0, ''] : [common.run, epoch, count - 1, `doctor-${count - 1}`];
      return connection.command('EVALSHA', sha.publish, 3, ...common.names, keys.doorbell, ring, common.run, ...known, '1', epoch,
        ROUNDS, 60_000, 1 << 20, 1, `doctor-${count}`, 0, 'x'.repeat(350), '');
    });
    const read = await timesOf(() => connection.command('EVALSHA', sha.read, 3, ...common.names, common.run, common.run, epoch, count, `doctor-${count}`, '1', epoch, count, 1));
    const [own, asked] = [publish.quartile - ping.quartile, read.quartile - ping.quartile];
    const told = `a publish takes ${shown(publish.median)}, a read of one action ${shown(read.median)}, round trips included (${publish.count} and ${read.count} times)`;
    if (Math.max(own, asked) > SLOW_MS) visit.found('redis-slow', `In Redis ${told}.`);
    else visit.checked(`Scripts: ${told}.`);
  } finally {
    await clean(connection, common.names);
  }
}

const runOf = (info: string): string => /run_id:(\w+)/.exec(info)?.[1] ?? '';

/** They would end by themselves in a minute. */
async function clean(connection: RedisConnection, names: readonly string[]): Promise<void> {
  if (!connection.closed) await connection.ask('DEL', ...names);
}
