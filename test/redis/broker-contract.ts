/** What every `Broker` holds to, on real servers: `describeBroker` for each way to make one. */
import type { Redis } from 'ioredis';
import { BrokerError, type Broker, type BrokerReply, type Script } from '../../lib/internal/broker.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';

/** As bytes: a reply is compared without what a text could lose. */
const bytes = (text: string): Buffer => Buffer.from(text);

const ECHO: Script = { name: 'echo', body: 'return { KEYS[1], ARGV[1], #ARGV, false, { ARGV[2] } }' };
const COUNT: Script = { name: 'count', body: "return redis.call('RPUSH', KEYS[1], ARGV[1])" };

export interface BrokerMaker {
  readonly name: string;
  /** Ends what the broker was made over. */
  make(server: RedisServer): Promise<{ broker: Broker; end(): Promise<void> }> | { broker: Broker; end(): Promise<void> };
}

class Ear {
  readonly heard: string[] = [];
  subscribed(): void {
    this.heard.push('subscribed');
  }
  message(payload: Buffer): void {
    this.heard.push(payload.toString('latin1'));
  }
}

const refusalOf = async (reply: Promise<BrokerReply>): Promise<BrokerError> => {
  const thrown: unknown = await reply.then(
    (value) => value,
    (error: unknown) => error,
  );
  if (!(thrown instanceof BrokerError)) throw new Error(`no BrokerError, but ${String(thrown)}`);
  return thrown;
};

export function describeBroker({ name, make }: BrokerMaker): void {
  describe(`a broker over ${name}`, () => {
    let server: RedisServer;
    let redis: Redis;
    let broker: Broker;
    let end: () => Promise<void>;
    const ready = async (): Promise<void> => void (await waitFor(() => broker.state.link === 'ready', 'the link to be ready'));

    beforeEach(async () => {
      server = await RedisServer.start();
      redis = server.client();
      ({ broker, end } = await make(server));
      await ready();
    });
    afterEach(async () => {
      await broker?.close();
      await end?.();
      await server?.end();
    });

    test('carries scripts and commands out, and gives bytes as they are', async () => {
      const wild = Buffer.from([0, 255, 13, 10, 195, 40]);
      expect(await broker.eval(ECHO, ['k'], [wild, 7])).toEqual([bytes('k'), wild, 2, null, [bytes('7')]]);
      expect(await broker.command(['SET', 'k', wild])).toEqual(bytes('OK'));
      expect(await broker.command(['GET', 'k'])).toEqual(wild);
      expect(await broker.command(['GET', 'none'])).toBeNull();
      expect(String(await broker.command(['INFO', 'server']))).toContain('redis_version:');
      expect(broker.ring).toBe('PUBLISH');
      expect(broker.state).toEqual({ link: 'ready', trouble: '' });
    });

    test('sends in the order of the calls, also where Redis has forgotten the script', async () => {
      const push = (from: number, to: number): Promise<BrokerReply>[] =>
        Array.from({ length: to - from }, (_, i) => broker.eval(COUNT, ['list'], [from + i]));
      await Promise.all(push(0, 100));
      await redis.script('FLUSH');
      const first = push(100, 200);
      // Some more while the first are being refused.
      const second = first[0]?.then(() => Promise.all(push(200, 300)));
      expect(await Promise.all(first)).toEqual(Array.from({ length: 100 }, (_, i) => 101 + i));
      await second;
      expect(await redis.lrange('list', 0, -1)).toEqual(Array.from({ length: 300 }, (_, i) => String(i)));
    });

    test('a refusal of Redis begins with its word', async () => {
      await redis.set('text', 'x');
      const error = await refusalOf(broker.eval(COUNT, ['text'], [1]));
      expect([error.failure, error.message]).toEqual(['refused', expect.stringMatching(/^WRONGTYPE /)]);
      expect(await refusalOf(broker.command(['LPOP', 'text']))).toMatchObject({ failure: 'refused', message: expect.stringMatching(/^WRONGTYPE /) });
    });

    test('several listen to one channel, each until it is taken back', async () => {
      const [one, two] = [new Ear(), new Ear()];
      const stop = broker.subscribe('c', one);
      await waitFor(() => one.heard.length === 1, 'the first to be subscribed');
      broker.subscribe('c', two);
      await waitFor(() => two.heard.length === 1, 'the second to be subscribed');
      const wild = Buffer.from([0, 255, 13, 10]);
      expect(await broker.command(['PUBLISH', 'c', wild])).toBe(1);
      const said = wild.toString('latin1');
      await waitFor(() => one.heard.length === 2 && two.heard.length === 2, 'the message');
      expect([one.heard, two.heard]).toEqual([['subscribed', said], ['subscribed', said]]);
      stop();
      stop();
      await broker.command(['PUBLISH', 'c', 'last']);
      await waitFor(() => two.heard.length === 3, 'the last message');
      expect(one.heard).toHaveLength(2);
    });

    test('who leaves a channel and comes back in the same turn is subscribed', async () => {
      const [one, two] = [new Ear(), new Ear()];
      const stop = broker.subscribe('c', one);
      await waitFor(() => one.heard.length === 1, 'the first to be subscribed');
      stop();
      const stopTwo = broker.subscribe('c', two);
      await waitFor(() => two.heard.length === 1, 'the second to be subscribed');
      await broker.command(['PUBLISH', 'c', 'x']);
      await waitFor(() => two.heard.length === 2, 'the message');
      stopTwo();
      await waitFor(async () => (await redis.pubsub('NUMSUB', 'c'))[1] === 0, 'nobody to be subscribed any more');
    });

    test('a thousand channels, and all of them again after the subscription was killed, reopened or lost', async () => {
      const ears = Array.from({ length: 1_000 }, () => new Ear());
      ears.forEach((ear, i) => broker.subscribe(`c${String(i)}`, ear));
      const times = (): number[] => ears.map(({ heard }) => heard.filter((each) => each === 'subscribed').length);
      /** Once more than before: on a busy machine a link may be made anew once more than it had to be. */
      const subscribedAgain = async (after: () => unknown): Promise<void> => {
        const before = times();
        await after();
        await waitFor(() => times().every((count, i) => count > before[i]!), 'all to be subscribed again');
      };
      await waitFor(() => times().every((count) => count >= 1), 'all to be subscribed');
      await subscribedAgain(() => redis.client('KILL', 'TYPE', 'PUBSUB'));
      await ready();
      await subscribedAgain(() => broker.resubscribe());
      await subscribedAgain(async () => {
        await server.kill();
        await waitFor(() => broker.state.link === 'lost', 'the link to be lost');
        await server.up();
      });
      await ready();
      await broker.command(['PUBLISH', 'c999', 'x']);
      await waitFor(() => ears[999]?.heard.at(-1) === 'x', 'the message');
    });

    test('a channel that a busy Redis refuses, or would not give up, is asked for again', async () => {
      const [left, asked] = [new Ear(), new Ear()];
      const leave = broker.subscribe('left', left);
      await waitFor(() => left.heard.length === 1, 'the first channel');
      await redis.config('SET', 'lua-time-limit', '50');
      const other = server.client();
      await other.ping();
      const busy = redis.eval('while true do end', 0).catch(() => undefined);
      await waitFor(async () => String(await other.ping().catch((error: unknown) => error)).includes('BUSY'), 'Redis to be busy');
      leave();
      broker.subscribe('asked', asked);
      await waitFor(() => broker.state.link === 'lost', 'the refusal');
      await other.call('SCRIPT', 'KILL');
      await busy;
      const again = new Ear();
      broker.subscribe('left', again);
      await waitFor(() => asked.heard.includes('subscribed') && again.heard.includes('subscribed'), 'both channels');
      await redis.publish('asked', 'x');
      await redis.publish('left', 'y');
      await waitFor(() => asked.heard.includes('x') && again.heard.includes('y'), 'both messages');
    });

    test('a command while Redis is away is unsent, and is not sent later', async () => {
      const states: string[] = [];
      const stop = broker.onState(({ link }) => states.push(link));
      await server.kill();
      await waitFor(() => broker.state.link === 'lost', 'the link to be lost');
      expect(broker.state.trouble).not.toBe('');
      // The one of the two connections is told before the other.
      await waitFor(async () => (await refusalOf(broker.command(['SET', 'k', '1']))).failure === 'unsent', 'the commands to be refused');
      expect((await refusalOf(broker.eval(COUNT, ['list'], [1]))).failure).toBe('unsent');
      await server.up();
      await ready();
      expect(await redis.dbsize()).toBe(0);
      expect(states).toEqual(expect.arrayContaining(['lost', 'ready']));
      stop();
    });

    test('a command that Redis has, and does not answer, is lost; the link is made again', async () => {
      const asleep = refusalOf(broker.command(['BLPOP', 'nothing', '0']));
      await waitFor(async () => String(await redis.client('LIST')).includes('cmd=blpop'), 'Redis to have the command');
      await server.kill();
      expect((await asleep).failure).toBe('lost');
      await server.up();
      await ready();
      expect(await broker.command(['PING'])).toEqual(bytes('PONG'));
    });

    test('a Redis that is stopped is given up, and what it owes is lost', async () => {
      await broker.eval(COUNT, ['list'], [0]);
      await server.stop();
      const reply = refusalOf(broker.eval(COUNT, ['list'], [1]));
      await waitFor(() => broker.state.link === 'lost', 'the link to be lost');
      expect((await reply).failure).toBe('lost');
      server.cont();
      await ready();
      // It had it all the same: that is what lost means.
      await waitFor(async () => (await redis.llen('list')) === 2, 'Redis to have carried it out');
    });

    test('after close nothing is left, and nothing is sent', async () => {
      const ear = new Ear();
      broker.subscribe('c', ear);
      await waitFor(() => ear.heard.length === 1, 'to be subscribed');
      await within(broker.close(), 'the broker to close');
      await broker.close();
      expect(broker.state.link).toBe('closed');
      expect((await refusalOf(broker.command(['PING']))).failure).toBe('unsent');
      await end();
      await waitFor(async () => String(await redis.client('LIST')).trim().split('\n').length === 1, 'all connections but the own one to be gone');
    });
  });
}
