/**
 * What is acknowledged to PostgreSQL: rules one by one, then random worlds in which workers, connections and servers die at any moment. Whatever happens, what the
 * server was allowed to forget is in the log, and all of it is in the end.
 */
import { decoderOf } from '../../lib/postgres/server/encodings.js';
import { Acker, type AckerOptions } from '../../lib/postgres/stream/acker.js';
import { actionId, announce } from '../../lib/postgres/changes/actions.js';
import type { Collected } from '../../lib/postgres/changes/collector.js';
import { Intake } from '../../lib/postgres/stream/intake.js';
import { checkMap } from '../../lib/postgres/changes/mapping.js';
import { pgoutput, walData, walKeepalive } from '../support/pgoutput-bytes.js';
import { makeRandom, runSeed, type Random } from '../support/random.js';

const start: AckerOptions = { acked: 100n, written: 0n, statusEveryMs: 1_000, silenceMs: 6_000, now: 0 };

describe('the rules', () => {
  test('the end of a commit is acknowledged when it is written, and in order', () => {
    const acker = new Acker(start);
    for (const end of [200n, 300n, 400n]) {
      expect(acker.begin(end - 10n)).toBe(false);
      acker.commit(end, false);
    }
    expect(acker.acked).toBe(100n);
    acker.wrote(300n);
    expect([acker.acked, acker.written]).toEqual([100n, 0n]);
    acker.wrote(200n);
    expect([acker.acked, acker.written]).toEqual([300n, 300n]);
    acker.wrote(400n);
    expect(acker.acked).toBe(400n);
  });

  test('a transaction of which nothing is to be written waits for those before it', () => {
    const acker = new Acker(start);
    acker.begin(190n);
    acker.commit(200n, false);
    acker.begin(290n);
    acker.commit(300n, true);
    expect(acker.acked).toBe(100n);
    acker.wrote(200n);
    expect(acker.acked).toBe(300n);
  });

  test('a keepalive counts where no transaction is open and nothing waits; one that came in between waits too', () => {
    const acker = new Acker(start);
    acker.keepalive(150n, false);
    expect(acker.acked).toBe(150n);
    acker.begin(190n);
    acker.keepalive(250n, false);
    expect(acker.acked).toBe(150n);
    acker.commit(200n, false);
    acker.keepalive(230n, false);
    acker.keepalive(240n, false);
    expect(acker.acked).toBe(150n);
    acker.wrote(200n);
    expect([acker.acked, acker.written]).toEqual([240n, 200n]);
  });

  test('it never goes back', () => {
    const acker = new Acker(start);
    acker.keepalive(50n, false);
    expect(acker.acked).toBe(100n);
    acker.begin(40n);
    acker.commit(50n, true);
    expect(acker.acked).toBe(100n);
  });

  test('what is in the log already is told from what is not by where its commit stands', () => {
    const acker = new Acker({ ...start, acked: 100n, written: 300n });
    expect(acker.begin(290n)).toBe(true);
    acker.commit(300n, true);
    expect(acker.begin(300n)).toBe(false);
  });

  test('a status is due at the latest after its time, at once when the server asks, and soon after something was written', () => {
    const acker = new Acker(start);
    expect(acker.status(999)).toBeUndefined();
    expect(acker.status(1_000)).toEqual({ lsn: 100n, replyNow: false });
    expect(acker.status(1_001)).toBeUndefined();
    acker.keepalive(100n, true);
    expect(acker.status(1_002)).toEqual({ lsn: 100n, replyNow: false });
    acker.heard(1_100);
    acker.begin(190n);
    acker.commit(200n, false);
    acker.wrote(200n);
    expect(acker.status(1_300)).toBeUndefined();
    acker.grant(acker.acked);
    acker.grant(150n);
    expect(acker.status(1_101)).toBeUndefined();
    expect(acker.status(1_300)).toEqual({ lsn: 200n, replyNow: false });
  });

  test('a server that is silent is asked, and given up; not while nothing is read on purpose', () => {
    const acker = new Acker(start);
    expect(acker.status(3_000)).toEqual({ lsn: 100n, replyNow: true });
    expect(acker.status(3_100)).toBeUndefined();
    expect(acker.isDead(5_999, true)).toBe(false);
    expect(acker.isDead(6_000, true)).toBe(true);
    expect(acker.isDead(6_000, false)).toBe(false);
    expect(acker.isDead(6_001, true)).toBe(false);
    acker.heard(7_000);
    expect(acker.isDead(12_999, true)).toBe(false);
  });
});

interface Transaction {
  /** Of its rows: they lie anywhere before its commit, among those of others. */
  rows: { lsn: bigint; tenant: string }[];
  commitLsn: bigint;
  endLsn: bigint;
}

const TENANTS = ['a', 'b', 'c'];
const EPOCH = 'e';
const tables = checkMap({ guests: { tenant: 'company_id', paths: ['guests'] } });

/** One WAL, one slot, one log, and workers that come and go. */
class World {
  readonly transactions: Transaction[] = [];
  lsn = 1_000n;
  confirmed = 1_000n;
  checkpointed = 1_000n;
  /** What a worker keeps beside the log. */
  written = 0n;
  granted = 1_000n;
  readonly log = new Map<string, string[]>(TENANTS.map((tenant) => [tenant, []]));
  readonly seen: string[] = [];
  now = 0;
  worker: Worker | undefined;

  constructor(readonly random: Random) {}

  /** Its rows begin before others have committed. */
  change(): void {
    const { random } = this;
    const from = this.transactions.at(-2)?.commitLsn ?? 1_000n;
    const rows = Array.from({ length: random.below(3) }, () => ({ lsn: from + BigInt(random.below(Number(this.lsn - from) + 5)), tenant: random.pick(TENANTS) }));
    this.lsn += BigInt(1 + random.below(30));
    const commitLsn = this.lsn;
    this.lsn += BigInt(1 + random.below(8));
    this.transactions.push({ rows, commitLsn, endLsn: this.lsn });
  }

  place(tenant: string, id: string): void {
    const log = this.log.get(tenant) as string[];
    if (!log.includes(id)) log.push(id);
  }

  /** What the server will never send again is in the log. */
  check(): void {
    for (const { commitLsn, endLsn, rows } of this.transactions) {
      if (commitLsn >= this.confirmed) continue;
      for (const { tenant } of rows) {
        if (!this.log.get(tenant)?.includes(actionId(EPOCH, endLsn))) throw new Error(`${String(endLsn)} of ${tenant} is lost; the server may forget up to ${String(this.confirmed)}`);
      }
    }
  }

  step(): void {
    const { random } = this;
    this.now += random.below(400);
    if (random.chance(0.2)) this.change();
    if (random.chance(0.03)) this.checkpointed = this.confirmed;
    if (random.chance(0.02)) this.worker = undefined;
    if (random.chance(0.01)) {
      this.worker = undefined;
      this.confirmed = this.checkpointed;
    }
    this.worker ??= new Worker(this);
    const roll = random.next();
    if (roll < 0.5) this.worker.read();
    else if (roll < 0.8) this.worker.write();
    else this.worker.status();
    this.check();
  }

  /** Nothing dies any more. */
  settle(): void {
    this.worker ??= new Worker(this);
    const { worker } = this;
    while (worker.read(true)) this.check();
    while (worker.write()) this.check();
    worker.keepalive(this.lsn);
    while (this.confirmed < this.lsn) {
      this.now += 10_000;
      worker.status();
      this.check();
    }
  }
}

class Worker {
  readonly #world: World;
  readonly #acker: Acker;
  readonly #intake: Intake;
  readonly #queue: Collected[] = [];
  #next: number;
  #messages: Buffer[] = [];
  #actions: { tenant: string; id: string }[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#acker = new Acker({ ...start, acked: world.confirmed, written: world.written, now: world.now });
    const host = { committed: (collected: Collected) => void this.#queue.push(collected), poison: () => undefined, odd: () => undefined };
    this.#intake = new Intake(this.#acker, { tables, forms: new Map(), maxPaths: 100, maxDataBytes: 100, decode: decoderOf('UTF8') }, host, { commits: 0, changes: 0, skipped: 0 });
    const found = world.transactions.findIndex(({ commitLsn }) => commitLsn >= world.confirmed);
    this.#next = found < 0 ? world.transactions.length : found;
    this.#intake.take(walData(0n, pgoutput.relation(1, 'guests', [{ name: 'id', isKey: true }, { name: 'company_id', isKey: true }])), world.now);
  }

  /** The next message of the server. False: there is none. */
  read(calm = false): boolean {
    const { random, now, transactions } = this.#world;
    if (this.#messages.length === 0) {
      const transaction = transactions[this.#next];
      if (!transaction) return false;
      const { commitLsn } = transaction;
      // Between two transactions: somewhere before the next commit.
      const last = transactions[this.#next - 1]?.endLsn ?? 1_000n;
      if (!calm && random.chance(0.3)) this.keepalive(last + BigInt(random.below(Number(commitLsn - last) + 1)));
      this.#next++;
      this.#messages = this.#messagesOf(transaction, calm);
    }
    this.#intake.take(this.#messages.shift() as Buffer, now);
    return true;
  }

  #messagesOf({ rows, commitLsn, endLsn }: Transaction, calm: boolean): Buffer[] {
    const { random } = this.#world;
    const first = rows[0]?.lsn ?? commitLsn;
    const messages = [walData(first, pgoutput.begin(commitLsn))];
    for (const { lsn, tenant } of rows) {
      messages.push(walData(lsn, pgoutput.insert(1, ['1', tenant])));
      // In the midst of a transaction, with an LSN of what the server has reached in its WAL: the end of this one, too.
      if (!calm && random.chance(0.4)) messages.push(walKeepalive(random.chance(0.5) ? endLsn : lsn, random.chance(0.5)));
    }
    return [...messages, walData(endLsn, pgoutput.commit(commitLsn, endLsn))];
  }

  keepalive(walEnd: bigint): void {
    this.#intake.take(walKeepalive(walEnd, this.#world.random.chance(0.3)), this.#world.now);
  }

  /** One tenant of one commit. False: nothing waits. */
  write(): boolean {
    const [collected] = this.#queue;
    if (!collected) return false;
    if (this.#actions.length === 0) {
      this.#actions = [...announce(collected, EPOCH, [], 0)].map(({ action }) => ({ tenant: action.companyId, id: action.id as string }));
      if (collected.endLsn <= this.#world.written) throw new Error(`${String(collected.endLsn)} was written whole already, and is written again`);
    }
    const { tenant, id } = this.#actions.shift() as { tenant: string; id: string };
    this.#world.place(tenant, id);
    if (this.#actions.length > 0) return true;
    this.#queue.shift();
    this.#acker.wrote(collected.endLsn);
    // It may die before it has kept that.
    if (this.#world.random.chance(0.7)) this.#world.written = this.#acker.written;
    return true;
  }

  status(): void {
    const world = this.#world;
    if (world.random.chance(0.8)) {
      world.granted = this.#acker.acked;
      this.#acker.grant(world.granted);
    }
    const status = this.#acker.status(world.now);
    if (!status) return;
    // A slot that is ahead of this was read by somebody else.
    if (status.lsn > world.granted) throw new Error('a successor would not know what the server was told');
    if (status.lsn > world.confirmed) world.confirmed = status.lsn;
  }
}

const WORLDS = Number(process.env['PATHCAST_WORLDS'] ?? 400);

test(`in ${String(WORLDS)} random worlds nothing is lost, nothing that was written whole is written again, and each tenant has the order of the commits`, () => {
  const seed = runSeed();
  for (let n = 0; n < WORLDS; n++) {
    const world = new World(makeRandom(seed + n));
    try {
      for (let step = 0; step < 150; step++) world.step();
      world.settle();
      for (const tenant of TENANTS) {
        const expected = world.transactions.filter(({ rows }) => rows.some((row) => row.tenant === tenant)).map(({ endLsn }) => actionId(EPOCH, endLsn));
        expect(world.log.get(tenant)).toEqual(expected);
      }
      expect(world.confirmed).toBe(world.lsn);
    } catch (error) {
      throw new Error(`Failed with PATHCAST_SEED=${String(seed + n)}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
});
