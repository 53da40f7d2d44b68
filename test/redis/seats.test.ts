/**
 * The limits over nodes (SPEC §4 and §13), on a real Redis: one script an admission, no interleaving over a limit, a dead node's seats
 * free, a node that was only stopped asks again, one that was cut off keeps what it let in.
 */
import { ioredisBroker } from '../../lib/redis/brokers/ioredis.js';
import { BrokerError, type Script } from '../../lib/internal/broker.js';
import { Life } from '../../lib/redis/nodes/life.js';
import { nodesKey, seatsKey } from '../../lib/redis/keys.js';
import type { EndedReason } from '../../lib/redis/seats/book.js';
import { Seats, type SeatAnswer, type SeatLimits } from '../../lib/redis/seats/seats.js';
import { runSeed, withSeed } from '../support/random.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server?.end());
let companies = 0;
const company = (): string => `acme ${String((companies += 1))}`;
const LIMITS: SeatLimits = { perUser: 3, perCompany: 5, policy: 'reject' };

/** What a hub is to its seats. */
class Node {
  /** ms, of a clock that the test sets. */
  nowMs = 0;
  readonly ended: [id: string, reason: EndedReason][] = [];
  /** Each script that it has sent. */
  readonly said: [script: Script, keys: readonly string[], args: readonly (string | number | Buffer)[]][] = [];
  readonly broker;
  readonly life: Life;
  readonly seats: Seats;
  #ids = 0;
  readonly #stop: () => void;

  constructor(
    readonly id: string,
    limits: Partial<SeatLimits> = {},
    from: RedisServer = server,
  ) {
    this.broker = ioredisBroker(from.client());
    const send = this.broker.eval.bind(this.broker);
    this.broker.eval = (...said) => {
      this.said.push(said);
      return send(...said);
    };
    this.life = new Life({ broker: this.broker, prefix: 'pathcast', nodeId: id, now: () => this.nowMs });
    this.seats = new Seats(this.life, { ...LIMITS, ...limits }, (_company, seat, reason) => this.ended.push([seat, reason]));
    this.#stop = this.broker.subscribe(`pathcast:1:node:${id}`, {
      subscribed: () => undefined,
      message: (payload) => {
        const { ended, reason } = JSON.parse(payload.toString().slice(2)) as { ended: string; reason: EndedReason };
        this.seats.ended(ended, reason);
      },
    });
  }

  get ready(): Promise<unknown> {
    return waitFor(() => this.life.isUsable && this.life.alive.length > 0, `${this.id} is ready`);
  }

  async admit(companyId: string, userId: string, more: { instanceId?: string; generation?: number; lease?: true } = {}): Promise<SeatAnswer & { id: string }> {
    const { lease, ...rest } = more;
    const id = `${this.id}-${String((this.#ids += 1))}`;
    const answer = await this.seats.admit({ companyId, userId, id, kind: lease ? 'lease' : 'stream', ...rest });
    return { ...answer, id };
  }

  async end(): Promise<void> {
    this.#stop();
    await this.life.leave();
    await this.broker.close();
  }
}

const nodes: Node[] = [];
let names = 0;
async function node(id: string, limits?: Partial<SeatLimits>, from?: RedisServer): Promise<Node> {
  const made = new Node(`${id}${String((names += 1))}`, limits, from);
  nodes.push(made);
  await made.ready;
  return made;
}
afterEach(async () => {
  for (const each of nodes.splice(0)) await each.end();
});

async function counted(companyId: string): Promise<number> {
  const redis = server.client();
  let count = 0;
  for (const each of await redis.zrange(seatsKey('pathcast', companyId), 0, -1)) {
    count += await redis.zcard(`${seatsKey('pathcast', companyId)}:${each}`);
  }
  return count;
}

describe('an admission', () => {
  test('counts per user and per company over all nodes; the user comes first; what is given back is free', async () => {
    const [a, b, name] = [await node('a'), await node('b'), company()];
    const first = await a.admit(name, 'ann');
    await b.admit(name, 'ann');
    expect(await a.admit(name, 'ann')).toMatchObject({ ok: true });
    expect(await b.admit(name, 'ann')).toMatchObject({ ok: false, code: 'USER_LIMIT', limit: 3, current: 3 });
    await b.admit(name, 'ben');
    await b.admit(name, 'ben');
    expect(await a.admit(name, 'cat')).toMatchObject({ ok: false, code: 'COMPANY_LIMIT', limit: 5, current: 5 });
    expect(await a.admit(name, 'ann')).toMatchObject({ code: 'USER_LIMIT' });
    a.seats.release(first.id);
    a.seats.release(first.id);
    // In the same turn: what this node has given back comes before what it asks for.
    expect(await a.admit(name, 'cat')).toMatchObject({ ok: true });
    expect(await counted(name)).toBe(5);
    // A user whose name begins like another's is another user.
    expect(await a.admit(company(), 'an')).toMatchObject({ ok: true });
  });

  test('is one command', async () => {
    const a = await node('a');
    await a.admit(company(), 'ann');
    const redis = server.client();
    await redis.config('RESETSTAT');
    await a.admit(company(), 'ann');
    // What a script calls is counted too, but only this is a command of a client's.
    const calls = [...(await redis.info('commandstats')).matchAll(/cmdstat_(eval|evalsha|script\S*|publish):calls=(\d+)/g)];
    expect(calls.map(([, name, count]) => [name, count])).toEqual([['evalsha', '1']]);
  });

  test('of 0 and 0 knows no limit', async () => {
    const [a, name] = [await node('a', { perUser: 0, perCompany: 0 }), company()];
    for (let i = 0; i < 20; i += 1) expect(await a.admit(name, 'ann')).toMatchObject({ ok: true });
  });

  test('users and instances of hostile names are themselves', async () => {
    const [a, b] = [await node('a', { perUser: 1 }), await node('b', { perUser: 1 })];
    const name = '{x} *\n';
    for (const user of ['a', 'a b', 'a ', 'a!', '~', '-', 'ü', '%20', ' ']) {
      expect(await a.admit(name + user, user, { instanceId: user })).toMatchObject({ ok: true });
      expect(await b.admit(name + user, user)).toMatchObject({ code: 'USER_LIMIT', current: 1 });
    }
  });

  test('of an instance takes the place of its former stream, wherever that is; a lower generation is turned away', async () => {
    const [a, b, name] = [await node('a', { perUser: 1 }), await node('b', { perUser: 1 }), company()];
    const first = await a.admit(name, 'ann', { instanceId: 'tab', generation: 4 });
    expect(await b.admit(name, 'ann', { instanceId: 'tab', generation: 3 })).toMatchObject({ ok: false, code: 'REPLACED' });
    const second = await b.admit(name, 'ann', { instanceId: 'tab', generation: 5 });
    expect(second).toMatchObject({ ok: true });
    await waitFor(() => a.ended.length > 0, 'a is told');
    expect(a.ended).toEqual([[first.id, 'replaced']]);
    expect(await counted(name)).toBe(1);
    // Its end gives nothing back: the seat is another one's.
    a.seats.release(first.id);
    expect(await a.admit(name, 'ann')).toMatchObject({ code: 'USER_LIMIT' });
    // Of another user the same name is another instance.
    expect(await a.admit(name, 'ben', { instanceId: 'tab', generation: 1 })).toMatchObject({ ok: true });
    // Without a generation the newer one wins.
    expect(await a.admit(name, 'ann', { instanceId: 'tab' })).toMatchObject({ ok: true });
    await waitFor(() => b.ended.length > 0, 'b is told');
    expect(b.ended).toEqual([[second.id, 'replaced']]);
  });

  test('evict-oldest: the oldest stream of all nodes gives way, of the user or of the company; leases never do', async () => {
    const limits = { perUser: 2, perCompany: 3, policy: 'evict-oldest' } as const;
    const [a, b, name] = [await node('a', limits), await node('b', limits), company()];
    const tick = async (): Promise<void> => {
      // Ages are ms of Redis: two seats of one ms have no order.
      const redis = server.client();
      const ms = async (): Promise<number> => (await redis.time()).reduce((s, us) => Number(s) * 1_000 + Math.floor(Number(us) / 1_000));
      const before = await ms();
      await waitFor(async () => (await ms()) > before + 1, 'a ms');
    };
    await b.admit(name, 'ann', { lease: true });
    await tick();
    const old = await a.admit(name, 'ann');
    await tick();
    const young = await b.admit(name, 'ann');
    await waitFor(() => a.ended.length > 0, 'a is told');
    expect(a.ended).toEqual([[old.id, 'evicted']]);
    a.seats.release(old.id);
    await b.admit(name, 'ben', { lease: true });
    await tick();
    const cat = await a.admit(name, 'cat');
    expect(cat).toMatchObject({ ok: true });
    await waitFor(() => b.ended.length > 0, 'b is told');
    expect(b.ended).toEqual([[young.id, 'evicted']]);
    await a.admit(name, 'dan', { lease: true });
    expect(a.ended.at(-1)).toEqual([cat.id, 'evicted']);
    // Only leases are left.
    expect(await a.admit(name, 'eve')).toMatchObject({ ok: false, code: 'COMPANY_LIMIT', limit: 3, current: 3 });
    expect(await counted(name)).toBe(3);
  });

  test('whose client leaves while Redis is asked gives its seat back', async () => {
    const [a, name] = [await node('a', { perUser: 1 }), company()];
    const asked = a.seats.admit({ companyId: name, userId: 'ann', id: 'early', kind: 'stream' });
    a.seats.release('early');
    await asked;
    expect(await a.admit(name, 'ann')).toMatchObject({ ok: true });
  });

  test('leaves nothing of a company that holds nothing', async () => {
    const [a, name] = [await node('a'), company()];
    const { id } = await a.admit(name, 'ann', { instanceId: 'tab' });
    a.seats.release(id);
    await waitFor(async () => (await server.client().keys(`${seatsKey('pathcast', name)}*`)).length === 0, 'no key is left');
  });

  test('at 10,000 leases of a company does not look at them', async () => {
    const [a, name] = [await node('a', { perUser: 0, perCompany: 20_000 }), company()];
    await Promise.all(Array.from({ length: 10_000 }, (_, i) => a.admit(name, `u${String(i % 1_000)}`)));
    const redis = server.client();
    const cost = async (of: string): Promise<number> => {
      await redis.config('RESETSTAT');
      for (let i = 0; i < 200; i += 1) await a.admit(of, 'u1', { instanceId: String(i) });
      // The median: a busy machine may put Redis aside in the middle of some.
      const stats = await redis.info('latencystats');
      return Number(/latency_percentiles_usec_evalsha:p50=([\d.]+)/.exec(stats)?.[1]);
    };
    const few = await cost(company());
    const many = await cost(name);
    expect(many).toBeLessThan(few * 3);
  });
});

describe('a connection that was given up', () => {
  /** All seats that stand of it. */
  async function standing(companyId: string): Promise<unknown> {
    const redis = server.client();
    const keys = (await redis.keys(`${seatsKey('pathcast', companyId)}*`)).sort();
    return Promise.all(keys.map(async (key) => [key, (await redis.type(key)) === 'zset' ? await redis.zrange(key, 0, -1, 'WITHSCORES') : await redis.hgetall(key)]));
  }

  test('has said what may come late, and then changes nothing: all of it was told anew since', async () => {
    const [a, b, name] = [await node('a', { perCompany: 3 }), await node('b', { perCompany: 3 }), company()];
    const redis = server.client();
    const back = async (): Promise<void> => {
      const { era } = a.life;
      await redis.client('KILL', 'TYPE', 'normal');
      await waitFor(() => a.life.isUsable && a.life.era > era && a.said.at(-1)?.[2][0] === 'restore', 'it is back');
    };
    await a.admit(name, 'ann');
    const left = await a.admit(name, 'ben');
    a.seats.release(left.id);
    await back();
    const late = [...a.said];
    expect(new Set(late.map(([{ name: script }, , args]) => (script === 'seats' ? args[0] : script)))).toEqual(new Set(['renew', 'admit', 'release', 'restore']));
    await back();
    await a.admit(name, 'cat');
    await a.admit(name, 'dan');
    const before = await standing(name);
    for (const [{ body }, keys, args] of late) {
      expect(await redis.eval(body, keys.length, ...keys, ...args)).toEqual(['LATE']);
      expect(await standing(name)).toEqual(before);
    }
    expect(await b.admit(name, 'eve')).toMatchObject({ code: 'COMPANY_LIMIT', current: 3 });
  });

  test('leaves no seat behind that was given back over it', async () => {
    const [a, b, name] = [await node('a', { perCompany: 1 }), await node('b', { perCompany: 1 }), company()];
    const { id } = await a.admit(name, 'ann');
    const send = a.broker.eval;
    a.broker.eval = (script, keys, args) => (args[0] === 'release' ? Promise.reject(new BrokerError('lost', 'the connection ended')) : send(script, keys, args));
    a.seats.release(id);
    await waitFor(async () => (await b.admit(name, 'ben')).ok, 'it is free');
  });
});

describe('a node that dies', () => {
  test('has its seats counted for its life, and then all of them are free at once', async () => {
    const [a, b, name] = [await node('a', { perCompany: 2 }), await node('b', { perCompany: 2 }), company()];
    await a.admit(name, 'ann');
    await a.admit(name, 'ben');
    expect(await b.admit(name, 'cat')).toMatchObject({ code: 'COMPANY_LIMIT' });
    const redis = server.client();
    const seconds = Number((await redis.time())[0]);
    const till = Number(await redis.zscore(nodesKey('pathcast'), a.id)) / 1_000;
    expect(till - seconds).toBeGreaterThan(20);
    expect(till - seconds).toBeLessThanOrEqual(26);
    await redis.zadd(nodesKey('pathcast'), 1, a.id);
    expect(await b.admit(name, 'cat')).toMatchObject({ ok: true });
    expect(await counted(name)).toBe(1);
    expect(await redis.keys(`${seatsKey('pathcast', name)}:${a.id}*`)).toEqual([]);
  });

  test('that leaves in order is nobody at once', async () => {
    const [a, b, name] = [await node('a', { perCompany: 1 }), await node('b', { perCompany: 1 }), company()];
    await a.admit(name, 'ann');
    await a.end();
    expect(await b.admit(name, 'ben')).toMatchObject({ ok: true });
  });

  test('that was only stopped asks again: what nobody took stays, the rest ends', async () => {
    const [a, b] = [await node('a', { perCompany: 1 }), await node('b', { perCompany: 1 })];
    const [taken, free] = [company(), company()];
    const lost = await a.admit(taken, 'ann');
    await a.admit(free, 'ann');
    await server.client().zadd(nodesKey('pathcast'), 1, a.id);
    expect(await b.admit(taken, 'ben')).toMatchObject({ ok: true });
    a.nowMs += 40_000;
    // It learns of it at its next word to Redis.
    expect(await a.admit(taken, 'cat')).toMatchObject({ code: 'COMPANY_LIMIT' });
    await waitFor(() => a.ended.length > 0, 'a has ended its stream');
    expect(a.ended).toEqual([[lost.id, 'evicted']]);
    expect(await b.admit(free, 'ben')).toMatchObject({ code: 'COMPANY_LIMIT', current: 1 });
    expect(a.seats.metrics()).toMatchObject({ held: 1, fenced: 1 });
  });

  test('in whose name Redis has forgotten keeps what it holds, over the limit too', async () => {
    const [a, b, name] = [await node('a', { perCompany: 1 }), await node('b', { perCompany: 1 }), company()];
    await a.admit(name, 'ann');
    await server.client().flushall();
    await b.admit(name, 'ben');
    expect(await a.admit(name, 'cat')).toMatchObject({ code: 'COMPANY_LIMIT' });
    await waitFor(async () => (await counted(name)) === 2, 'both stand again');
    expect([a.ended, b.ended]).toEqual([[], []]);
    expect(await b.admit(name, 'dan')).toMatchObject({ code: 'COMPANY_LIMIT', current: 2 });
  });

  test('whose keys were evicted by Redis puts them back', async () => {
    const [a, name] = [await node('a', { perCompany: 3 }), company()];
    await a.admit(name, 'ann');
    await a.admit(name, 'ann');
    await server.client().del(`${seatsKey('pathcast', name)}:${a.id}`);
    await a.admit(name, 'ben');
    await waitFor(async () => (await counted(name)) === 3, 'all stand again');
    expect(await a.admit(name, 'cat')).toMatchObject({ code: 'COMPANY_LIMIT' });
  });
});

describe('Redis away', () => {
  let own: RedisServer;
  beforeEach(async () => {
    own = await RedisServer.start();
  });
  afterEach(() => own?.end());

  test('limits hold for the node alone; what it let in stays, and nobody comes before the count is under the limit', async () => {
    const [a, b, name] = [await node('a', { perUser: 2 }, own), await node('b', { perUser: 2 }, own), company()];
    const kept = await a.admit(name, 'ann');
    await own.kill();
    await waitFor(() => !a.life.isUsable && !b.life.isUsable, 'both know');
    expect(await a.admit(name, 'ann')).toMatchObject({ ok: true });
    expect(await a.admit(name, 'ann')).toMatchObject({ ok: false, code: 'USER_LIMIT', limit: 2, current: 2 });
    const here = await b.admit(name, 'ann');
    await b.admit(name, 'ann');
    expect(a.seats.metrics()).toMatchObject({ local: 1, admittedLocally: 1, refusedLocally: 1 });
    await own.up();
    await waitFor(() => a.seats.metrics().local + b.seats.metrics().local === 0, 'all are registered');
    expect(await a.admit(name, 'ann')).toMatchObject({ code: 'USER_LIMIT', current: 4 });
    a.seats.release(kept.id);
    b.seats.release(here.id);
    await waitFor(async () => (await own.client().zcard(`${seatsKey('pathcast', name)}:${b.id}`)) === 1, 'b has given it back');
    expect(await a.admit(name, 'ann')).toMatchObject({ code: 'USER_LIMIT', current: 2 });
    expect([a.ended, b.ended]).toEqual([[], []]);
  });

  test('what was given back meanwhile is given back', async () => {
    const [a, name] = [await node('a', { perUser: 1 }, own), company()];
    const { id } = await a.admit(name, 'ann');
    await own.stop();
    // It does not answer, and is waited for a second.
    expect(await a.admit(name, 'ben')).toMatchObject({ ok: true });
    a.seats.release(id);
    own.cont();
    await waitFor(() => a.life.isUsable && a.seats.metrics().local === 0, 'Redis is back');
    expect(await a.admit(name, 'ann')).toMatchObject({ ok: true });
    expect(await a.admit(name, 'ben')).toMatchObject({ code: 'USER_LIMIT', current: 1 });
  });

  test('an eviction that was not heard of is told when the node compares', async () => {
    const limits = { perUser: 1, policy: 'evict-oldest' } as const;
    const [a, b, name] = [await node('a', limits, own), await node('b', limits, own), company()];
    const { id } = await a.admit(name, 'ann');
    const told = a.seats.ended.bind(a.seats);
    let missed = 0;
    a.seats.ended = () => void (missed += 1);
    await b.admit(name, 'ann');
    await waitFor(() => missed > 0, 'a has not listened');
    a.seats.ended = told;
    a.life.compare();
    await waitFor(() => a.ended.length > 0, 'a is told');
    expect(a.ended).toEqual([[id, 'evicted']]);
    expect(await b.admit(name, 'ben')).toMatchObject({ ok: true });
  });
});

test('at random, over four nodes: Redis counts what the nodes hold, and never more than the limits', async () => {
  await withSeed(runSeed(), async (random) => {
    const names = [company(), company()];
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((id) => node(id)));
    const open = new Map<string, { at: Node; name: string; user: string }>();
    const check = (): void => {
      for (const name of names) {
        const here = [...open.values()].filter((seat) => seat.name === name);
        if (here.length > LIMITS.perCompany) throw new Error(`${String(here.length)} in ${name}`);
        for (const user of ['u', 'v', 'w']) {
          const count = here.filter((seat) => seat.user === user).length;
          if (count > LIMITS.perUser) throw new Error(`${String(count)} of ${user}`);
        }
      }
    };
    for (let round = 0; round < 150; round += 1) {
      await Promise.all(
        Array.from({ length: 1 + random.below(6) }, async () => {
          const [at, name, user] = [random.pick(all), random.pick(names), random.pick(['u', 'v', 'w'])];
          const mine = [...open].find(([, seat]) => seat.at === at);
          if (mine && random.chance(0.5)) {
            open.delete(mine[0]);
            at.seats.release(mine[0]);
            return;
          }
          const answer = await at.admit(name, user);
          if (answer.ok) open.set(answer.id, { at, name, user });
          check();
        }),
      );
    }
    for (const name of names) {
      await waitFor(async () => (await counted(name)) === [...open.values()].filter((seat) => seat.name === name).length, 'Redis counts the same');
    }
  });
});
