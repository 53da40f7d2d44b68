/**
 * The log in Redis (SPEC §13), by its scripts, on real servers: one command a publish, a seq never given twice in an epoch, nothing told twice,
 * bounds that hold. Faults are Redis's own: keys evicted, flushed, restored from an old dump, writes lost, scripts flushed.
 */
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import type { Redis } from 'ioredis';
import { keysOf } from '../../lib/redis/keys.js';
import { PUBLISH } from '../../lib/redis/scripts/publish.js';
import { READ } from '../../lib/redis/scripts/read.js';
import { runSeed, withSeed } from '../support/random.js';
import { RedisServer } from '../support/redis.js';

interface Known {
  run: string;
  epoch: string;
  seq: number;
  id: string;
  at: number;
}
const NOTHING: Known = { run: '', epoch: '', seq: 0, id: '', at: 0 };

interface Limits {
  maxActions?: number;
  ttlMs?: number;
  maxBytes?: number;
}

/** What a node does with the log of one company: it remembers only what Redis told it. */
class LogNode {
  known = NOTHING;
  #epochs = 0;
  #calls = 0;

  constructor(
    readonly redis: Redis,
    readonly company: string,
    readonly name: string,
    readonly limits: Limits = {},
  ) {}

  async runId(): Promise<string> {
    const told = (await this.redis.info('server')) + (await this.redis.info('replication'));
    return `${/run_id:(\w+)/.exec(told)?.[1] ?? ''}.${/master_replid:(\w+)/.exec(told)?.[1] ?? ''}`;
  }

  /** Every other call leaves it to the script to ask. */
  #told(run: string): string {
    this.#calls += 1;
    return this.#calls % 2 === 0 ? run : '';
  }

  get #fresh(): string {
    this.#epochs += 1;
    return `${this.name}${String(this.#epochs)}`;
  }

  async publish(id: string, { text = `{"id":"${id}"}`, rung = '', stamp = 0, force = false } = {}): Promise<string[]> {
    const { head, log, ids, doorbell } = keysOf('pathcast', this.company);
    const { maxActions = 1_000, ttlMs = 86_400_000, maxBytes = 16 << 20 } = this.limits;
    const run = await this.runId();
    const answer = (await this.redis.eval(
      PUBLISH,
      3,
      ...[head, log, ids, doorbell, 'PUBLISH', this.#told(run), this.known.run, this.known.epoch, this.known.seq, this.known.id],
      ...[force ? '1' : '0', this.#fresh, maxActions, ttlMs, maxBytes, 1_000_000, id, stamp, text, rung, '', this.known.at],
    )) as string[];
    if (answer[0] === 'OK') this.known = { run, epoch: answer[1] ?? '', seq: Number(answer[2]), id, at: Number(answer[3]) };
    if (answer.length > 2) expect(answer.at(-1)).toBe(run);
    return answer.length > 2 ? answer.slice(0, -1) : answer;
  }

  async read(from = 1, { count = 1_000, force = false } = {}) {
    const { head, log, ids, doorbell } = keysOf('pathcast', this.company);
    const run = await this.runId();
    const answer = (await this.redis.eval(
      READ,
      3,
      ...[head, log, ids, this.#told(run), this.known.run, this.known.epoch, this.known.seq, this.known.id],
      ...[force ? '1' : '0', this.#fresh, from, count, doorbell, 'PUBLISH', this.known.at],
    )) as string[];
    const [status = '', epoch = '', seq = '0', at = '0', why = '', born = '0', lost = '0', former = '', runs = '', ...rest] = answer;
    const actions = [];
    for (let i = 0; i < rest.length; i += 4) {
      actions.push({ seq: Number(rest[i]), at: Number(rest[i + 1]), id: rest[i + 2] ?? '', text: rest[i + 3] ?? '' });
    }
    const last = actions.at(-1);
    if (status === 'OK') expect(runs).toBe(run);
    if (status === 'OK' && last?.seq === Number(seq)) this.known = { run, epoch, seq: last.seq, id: last.id, at: last.at };
    return { status, epoch, seq: Number(seq), at: Number(at), why, born: Number(born), lost: Number(lost), former, actions };
  }
}

let server: RedisServer;
let redis: Redis;
let companies = 0;
const company = (): string => `acme-${String((companies += 1))}`;

beforeAll(async () => {
  server = await RedisServer.start();
  redis = server.client();
});
afterAll(() => server?.end());

describe('a publish', () => {
  test('of an action that is kept is told its place, also where the index of ids went alone', async () => {
    const node = new LogNode(redis, company(), 'a');
    for (const id of ['x', 'y', 'z']) await node.publish(id);
    await redis.del(keysOf('pathcast', node.company).ids);
    expect((await node.publish('y')).slice(0, 3)).toEqual(['DUPLICATE', 'a1', '2']);
    expect((await node.publish('w')).slice(0, 3)).toEqual(['OK', 'a1', '4']);
    expect((await node.publish('z')).slice(0, 3)).toEqual(['DUPLICATE', 'a1', '3']);
    expect((await node.read()).actions.map(({ seq, id }) => [seq, id])).toEqual([
      [1, 'x'],
      [2, 'y'],
      [3, 'z'],
      [4, 'w'],
    ]);
  });

  test("somebody else's entry in the log is trimmed as the oldest, and shifts nothing that is read", async () => {
    const node = new LogNode(redis, company(), 'a', { maxActions: 3 });
    for (const id of ['x', 'y']) await node.publish(id);
    await redis.xadd(keysOf('pathcast', node.company).log, '2-5', 'a', 'b');
    expect((await node.read()).actions.map(({ seq, id, text }) => [seq, id, text])).toEqual([
      [1, 'x', '{"id":"x"}'],
      [2, 'y', '{"id":"y"}'],
      [2, '', ''],
    ]);
    for (const [id, seq] of [['z', '3'], ['v', '4'], ['w', '5']] as const) expect((await node.publish(id)).slice(0, 3)).toEqual(['OK', 'a1', seq]);
    expect((await node.read()).actions.map(({ id }) => id)).toEqual(['z', 'v', 'w']);
  });

  test('counts from 1 without a gap, and rings once with the action in it', async () => {
    const node = new LogNode(redis, company(), 'a');
    const ear = server.client();
    const heard: string[] = [];
    await ear.subscribe(keysOf('pathcast', node.company).doorbell);
    ear.on('message', (_, text: string) => heard.push(text));
    expect(await node.publish('one')).toEqual(['OK', 'a1', '1', expect.stringMatching(/^\d{13}$/), 'new', '']);
    expect(await node.publish('two', { text: '{"big":true}', rung: '{"small":true}' })).toEqual(['OK', 'a1', '2', expect.any(String), '', '']);
    await ear.ping();
    expect(heard).toEqual([
      expect.stringMatching(/^1 a1 1 \d{13} 3\none\{"id":"one"\}$/),
      expect.stringMatching(/^1 a1 2 \d{13} 3\ntwo\{"small":true\}$/),
    ]);
    const { actions } = await node.read();
    expect(actions.map(({ seq, id, text }) => [seq, id, text])).toEqual([
      [1, 'one', '{"id":"one"}'],
      [2, 'two', '{"big":true}'],
    ]);
  });

  test('of an id that is in the log gives the first seq and rings nobody', async () => {
    const node = new LogNode(redis, company(), 'a');
    await node.publish('one');
    await node.publish('two');
    const [, , , at] = await node.publish('three');
    expect(await node.publish('three')).toEqual(['DUPLICATE', 'a1', '3', at, '', '']);
    expect((await node.publish('one')).slice(0, 3)).toEqual(['DUPLICATE', 'a1', '1']);
    expect((await node.read()).seq).toBe(3);
  });

  test('races of many give each seq once', async () => {
    const name = company();
    const nodes = Array.from({ length: 8 }, (_, n) => new LogNode(server.client(), name, `n${String(n)}`));
    const answers = await Promise.all(nodes.flatMap((node, n) => Array.from({ length: 50 }, (_, i) => node.publish(`${String(n)}-${String(i)}`))));
    expect(new Set(answers.map(([status]) => status))).toEqual(new Set(['OK']));
    expect(new Set(answers.map(([, epoch]) => epoch)).size).toBe(1);
    expect(answers.map(([, , seq]) => Number(seq)).sort((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, i) => i + 1));
  });
});

describe('bounds', () => {
  test('by number, by bytes and by age: the oldest go first, and what was lost is said by time', async () => {
    const few = new LogNode(redis, company(), 'a', { maxActions: 10 });
    for (let i = 1; i <= 25; i += 1) await few.publish(String(i), { stamp: i === 12 ? 4_000_000_000_000 : 0 });
    const kept = await few.read();
    expect(kept.actions.map(({ seq }) => seq)).toEqual([16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
    // A stamp that was ahead counts where it is greater than the arrival.
    expect(kept.lost).toBe(4_000_000_000_000);
    // Who is gone may come again: an id is known as long as its action is kept.
    expect((await few.publish('3'))[0]).toBe('OK');

    const small = new LogNode(redis, company(), 'a', { maxBytes: 100 });
    for (let i = 1; i <= 8; i += 1) await small.publish(String(i), { text: 'x'.repeat(30) });
    expect((await small.read()).actions.map(({ seq }) => seq)).toEqual([6, 7, 8]);
    await small.publish('huge', { text: 'x'.repeat(1_000) });
    expect((await small.read()).actions.map(({ seq }) => seq)).toEqual([9]);

    const young = new LogNode(redis, company(), 'a', { ttlMs: 60 });
    await young.publish('old');
    const { at } = await young.read();
    await waitUntil(async () => (await young.read()).actions.length === 0);
    const gone = await young.read();
    expect(gone).toMatchObject({ epoch: 'a1', seq: 1, lost: at });
    // Seq and epoch outlive the actions.
    const patient = new LogNode(redis, young.company, 'b');
    patient.known = young.known;
    expect((await patient.publish('new')).slice(0, 3)).toEqual(['OK', 'a1', '2']);
    expect((await patient.read()).lost).toBe(at);
  });

  test('a burst beyond the bound goes with what follows it', async () => {
    const name = company();
    const many = new LogNode(redis, name, 'a', { maxActions: 1_000 });
    for (let i = 1; i <= 300; i += 1) await many.publish(String(i));
    const few = new LogNode(redis, name, 'b', { maxActions: 10 });
    await few.read();
    for (let i = 301; i <= 306; i += 1) await few.publish(String(i));
    const { actions, seq } = await few.read();
    expect(seq).toBe(306);
    expect(actions.map((action) => action.seq)).toEqual(Array.from({ length: actions.length }, (_, i) => 306 - actions.length + 1 + i));
    expect(actions.length).toBe(10);
    expect(await redis.hlen(keysOf('pathcast', name).ids)).toBe(10);
  });

  test('what is over the bound is all that is read of the log: two entries as one comes, more only where both go', async () => {
    const name = company();
    const { log } = keysOf('pathcast', name);
    const full = new LogNode(redis, name, 'a', { maxActions: 100 });
    for (let i = 1; i <= 120; i += 1) await full.publish(String(i));
    const few = new LogNode(redis, name, 'b', { maxActions: 60 });
    await few.read();

    const monitor = await redis.monitor();
    const ranges: (string | undefined)[] = [];
    const over = new Promise<void>((resolve) => {
      monitor.on('monitor', (_at: string, [command = '', ...args]: string[]) => {
        if (command.toLowerCase() === 'echo') resolve();
        if (command.toUpperCase() === 'XRANGE' && args[0] === log && args.includes('COUNT')) ranges.push(args.at(-1));
      });
    });
    await full.publish('one more');
    await few.publish('of a node that keeps fewer');
    await redis.echo('over');
    await over;
    monitor.disconnect();
    expect(ranges).toEqual(['2', '2', '62']);
    expect((await few.read()).actions.map(({ seq }) => seq)).toEqual(Array.from({ length: 60 }, (_, i) => 63 + i));
  });

  test('the clock never goes back in a company', async () => {
    const node = new LogNode(redis, company(), 'a');
    await node.publish('one');
    const ahead = Date.now() + 3_600_000;
    await redis.hset(keysOf('pathcast', node.company).head, 'at', String(ahead));
    expect((await node.publish('two'))[3]).toBe(String(ahead));
  });
});

describe('a Redis that went back in time', () => {
  /** Restarts it with another run id, and with what it had stored at `dump`. */
  async function restartFrom(own: RedisServer, dump: string | undefined): Promise<void> {
    await own.kill();
    if (dump !== undefined) copyFileSync(dump, path.join(own.folder, 'dump.rdb'));
    await own.up();
  }
  async function saved(own: RedisServer, client: Redis): Promise<string> {
    await client.save();
    const file = path.join(own.folder, 'kept.rdb');
    copyFileSync(path.join(own.folder, 'dump.rdb'), file);
    return file;
  }

  let own: RedisServer;
  let client: Redis;
  beforeEach(async () => {
    own = await RedisServer.start(['--enable-debug-command', 'yes']);
    client = own.client();
  });
  afterEach(() => own?.end());

  test('restarted with all it had: where a node vouches for the head it goes on under a new name, and old cursors hold', async () => {
    const node = new LogNode(client, 'acme', 'a');
    for (const id of ['one', 'two', 'three']) await node.publish(id);
    await restartFrom(own, await saved(own, client));
    const [status, epoch = '', seq, , why, former] = await node.publish('four');
    expect([status, seq, why, former]).toEqual(['OK', '4', 'vouched', 'a1.3']);
    expect(epoch).not.toBe('a1');
    // From then on nobody needs to vouch, and everybody reads the whole log.
    const other = new LogNode(client, 'acme', 'b');
    expect((await other.publish('five')).slice(0, 3)).toEqual(['OK', epoch, '5']);
    expect(await other.read()).toMatchObject({ epoch, seq: 5, former: 'a1.3', actions: [1, 2, 3, 4, 5].map((n) => ({ seq: n })) });
  });

  test('eight names are remembered, the newest first', async () => {
    const node = new LogNode(client, 'acme', 'a');
    for (let i = 1; i <= 11; i += 1) {
      await node.publish(String(i));
      await client.hset(keysOf('pathcast', 'acme').head, 'run', 'another');
      node.known.run = 'another';
    }
    const { former } = await node.read();
    expect(former.split(' ').map((name) => name.split('.')[1])).toEqual(['11', '10', '9', '8', '7', '6', '5', '4']);
  });

  test('a node that knows nothing waits for one that does, or begins a new epoch', async () => {
    const node = new LogNode(client, 'acme', 'a');
    await node.publish('one');
    await restartFrom(own, await saved(own, client));
    const stranger = new LogNode(client, 'acme', 'b');
    expect(await stranger.publish('two')).toEqual(['UNVOUCHED']);
    expect((await stranger.read()).status).toBe('UNVOUCHED');
    const { epoch } = await node.read();
    expect((await stranger.publish('two')).slice(0, 3)).toEqual(['OK', epoch, '2']);

    await restartFrom(own, await saved(own, client));
    const nobody = new LogNode(client, 'acme', 'c');
    expect(await nobody.publish('three', { force: true })).toEqual(['OK', 'c1', '1', expect.any(String), 'unvouched', '']);
  });

  test('from an old dump: no seq is given twice', async () => {
    const node = new LogNode(client, 'acme', 'a');
    await node.publish('one');
    const old = await saved(own, client);
    await node.publish('two');
    await restartFrom(own, old);
    const [status, epoch, seq, , why] = await node.publish('three');
    expect([status, seq, why]).toEqual(['OK', '1', 'rewound']);
    expect(epoch).not.toBe('a1');
  });

  test('what a former master counted after the new one had begun an epoch is a loss of its own, and what it counted before is not', async () => {
    const successor = await RedisServer.start();
    try {
      const node = new LogNode(client, 'acme', 'a');
      await node.publish('one');
      const [late, early] = [new LogNode(successor.client(), 'acme', 'b'), new LogNode(successor.client(), 'acme', 'c')];
      // It has nothing of the log; whoever comes first begins one, and tells all of it.
      early.known = { ...node.known };
      const begun = await early.read();
      expect(begun.why).toBe('lost');
      // A node that knows of the former log alone comes to the new one.
      early.known = { ...node.known, at: begun.born - 1_000 };
      expect(await early.read()).toMatchObject({ why: '', epoch: begun.epoch });
      // Meanwhile the former master took another action, and told its node that it stands.
      await node.publish('two');
      late.known = node.known;
      const again = await late.read();
      expect(again.why).toBe('rewound');
      expect(again.epoch).not.toBe(begun.epoch);
      expect(await new LogNode(late.redis, 'acme', 'd').read()).toMatchObject({ why: '', epoch: again.epoch });
    } finally {
      await successor.end();
    }
  });

  test('a node that saw what Redis forgot begins a new epoch, also when another one has gone on', async () => {
    const first = new LogNode(client, 'acme', 'a');
    const second = new LogNode(client, 'acme', 'b');
    await first.publish('one');
    await second.read();
    const old = await saved(own, client);
    // Only the first one heard of this, and Redis forgets it.
    await first.publish('lost');
    await restartFrom(own, old);
    expect(await second.publish('two')).toEqual(['OK', 'b2', '2', expect.any(String), 'vouched', 'a1.1']);
    // What it knows as a1.2 is beyond what a1 counts for.
    const answer = await first.read();
    expect(answer).toMatchObject({ status: 'OK', why: 'rewound', seq: 0, former: '' });
    expect((await second.publish('three')).slice(0, 3)).toEqual(['OK', answer.epoch, '1']);
  });

  test('a master that was a replica in between, and is the master again, is not the same Redis: no seq is given twice', async () => {
    const settings = ['--repl-diskless-sync-delay', '0'];
    const heir = await RedisServer.start({ tcp: true, settings });
    const was = await RedisServer.start({ tcp: true, settings });
    try {
      const [master, replica] = [was.client(), heir.client()];
      const follows = async (follower: Redis, port: number): Promise<void> => {
        await follower.replicaof('127.0.0.1', port);
        await waitUntil(async () => /master_link_status:up/.test(await follower.info('replication')));
      };
      const first = new LogNode(master, 'acme', 'a');
      const second = new LogNode(master, 'acme', 'b');
      // The first replica of all gives the replication a name of its own; what counts here is what comes after it.
      await follows(replica, was.port);
      await first.publish('one');
      await second.read();
      await waitUntil(async () => (await replica.exists(keysOf('pathcast', 'acme').head)) === 1);
      await replica.call('REPLICAOF', 'NO', 'ONE');
      // The heir does not have it, and nobody has to do with this company while the heir is the master.
      await first.publish('lost');
      await follows(master, heir.port);
      await master.call('REPLICAOF', 'NO', 'ONE');
      const [status, epoch, seq, , why, former] = await second.publish('two');
      expect([status, seq, why, former]).toEqual(['OK', '2', 'vouched', 'a1.1']);
      expect(epoch).not.toBe('a1');
      expect(await first.read()).toMatchObject({ why: 'rewound' });
    } finally {
      await was.end();
      await heir.end();
    }
  });

  test('a name of its replication that has changed while a connection lasted is asked for, and is no loss', async () => {
    const node = new LogNode(client, 'acme', 'a');
    const stale = await node.runId();
    await node.publish('one');
    await client.call('DEBUG', 'CHANGE-REPL-ID');
    const other = new LogNode(client, 'acme', 'b');
    other.known = node.known;
    expect((await other.read()).why).toBe('vouched');
    // This one has not heard of it: it goes on, and no name is given up for it.
    const { head, log, ids, doorbell } = keysOf('pathcast', 'acme');
    const { epoch, seq, id } = other.known;
    const answer = (await client.eval(PUBLISH, 3, head, log, ids, doorbell, 'PUBLISH', stale, stale, epoch, seq, id, '0', 'c1', 1_000, 86_400_000, 16 << 20, 1_000_000, 'two', 0, '{}', '')) as string[];
    expect([answer[0], answer[1], answer[2], answer[4], answer[6]]).toEqual(['OK', epoch, '2', '', await node.runId()]);
  });

  test('another action stands where a node knows one: a new epoch', async () => {
    const node = new LogNode(client, 'acme', 'a');
    for (const id of ['one', 'two', 'three']) await node.publish(id);
    await restartFrom(own, await saved(own, client));
    node.known.id = 'the one that Redis forgot';
    expect((await node.read()).why).toBe('rewound');
  });

  test.each(['head', 'log', 'ids'] as const)('the key %s is evicted: no seq is given twice in an epoch', async (key) => {
    const name = company();
    const node = new LogNode(redis, name, 'a');
    const seen = new Set<string>();
    for (let i = 0; i < 6; i += 1) {
      if (i === 3) await redis.del(keysOf('pathcast', name)[key]);
      const [status, epoch = '', seq = ''] = await node.publish(String(i));
      expect(status).toBe('OK');
      expect(seen.has(`${epoch}.${seq}`)).toBe(false);
      seen.add(`${epoch}.${seq}`);
    }
    const after = await node.read();
    if (key === 'head') expect(after.epoch).not.toBe('a1');
    else expect(after).toMatchObject({ epoch: 'a1', seq: 6 });
    if (key === 'log') {
      expect(after.actions.map(({ seq }) => seq)).toEqual([4, 5, 6]);
      expect(after.lost).toBeGreaterThan(0);
    }
  });

  test('FLUSHALL: a new epoch, and the reason is that something was lost', async () => {
    const node = new LogNode(client, 'acme', 'a');
    await node.publish('one');
    await client.flushall();
    expect(await node.publish('two')).toEqual(['OK', expect.not.stringMatching(/^a1$/), '1', expect.any(String), 'lost', '']);
  });

  test('a newer format is left alone', async () => {
    const node = new LogNode(client, 'acme', 'a');
    await node.publish('one');
    await client.hset(keysOf('pathcast', 'acme').head, 'format', 2);
    expect(await node.publish('two')).toEqual(['FORMAT', '2']);
    expect((await node.read()).status).toBe('FORMAT');
    expect(await client.xlen(keysOf('pathcast', 'acme').log)).toBe(1);
  });

  test('a key of another type under our name is an error, and stays', async () => {
    await client.set(keysOf('pathcast', 'acme').head, "somebody's");
    await expect(new LogNode(client, 'acme', 'a').publish('one')).rejects.toThrow(/WRONGTYPE/);
    expect(await client.get(keysOf('pathcast', 'acme').head)).toBe("somebody's");
  });

  test('at random: kills, old dumps, evictions, two to four nodes; an epoch and a seq name one action for ever', async () => {
    const KEYS = ['head', 'log', 'ids'] as const;
    await withSeed(runSeed(), async (random) => {
      const named = new Map<string, string>();
      const nodes = Array.from({ length: 2 + random.below(3) }, (_, n) => new LogNode(client, 'acme', `n${String(n)}x`));
      let dump: string | undefined;
      for (let step = 0; step < 400; step += 1) {
        const node = random.pick(nodes);
        const what = random.below(100);
        if (what < 70) {
          const id = `id${String(step)}`;
          const [status, epoch = '', seq = ''] = await node.publish(id, { force: random.chance(0.25) });
          if (status !== 'OK') continue;
          const name = `${epoch}.${seq}`;
          if (named.has(name)) throw new Error(`${name} is ${named.get(name) ?? ''} and ${id}`);
          named.set(name, id);
        } else if (what < 90) {
          const { status, epoch, former, actions } = await node.read(1, { force: random.chance(0.25) });
          if (status !== 'OK') continue;
          const names = former.split(' ').filter(Boolean).map((name) => name.split('.'));
          for (const { seq, id } of actions) {
            // Under each name that counts so far it is this action, and under one of them it was given out.
            const counts = [epoch, ...names.filter(([, last]) => seq <= Number(last)).map(([name = '']) => name)];
            const given = counts.map((name) => named.get(`${name}.${String(seq)}`)).filter((was) => was !== undefined);
            if (given.length === 0 || given.some((was) => was !== id)) {
              throw new Error(`${counts.join(' or ')}, ${String(seq)} was given to ${given.join(' and ') || 'nobody'} and is read as ${id}`);
            }
          }
        } else if (what < 93) dump = await saved(own, client);
        else if (what < 96 && dump !== undefined) await restartFrom(own, dump);
        else await client.del(keysOf('pathcast', 'acme')[random.pick(KEYS)]);
      }
      expect(named.size).toBeGreaterThan(50);
    });
  }, 120_000);
});

async function waitUntil(isSo: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + 20_000;
  while (!(await isSo())) if (Date.now() > until) throw new Error('it did not come true in time');
}
