/** Several nodes: what an action costs on its way through Redis, and what a Redis and a node hold. `npm run bench -- redis` runs them all. */
import { setTimeout as sleep } from 'node:timers/promises';
import { NodesTrial } from '../harness/nodes-trial.mjs';
import { sha1 } from '../harness/redis-server.mjs';
import { DELIVERY_MS } from '../harness/trial.mjs';

/** What stands in Redis, by the code that is measured; it may be built only when a trial begins. */
const format = async () => {
  const [{ READ }, { keysOf }, { storedBytes }] = await Promise.all([
    import('../../dist/esm/redis/scripts/read.js'), import('../../dist/esm/redis/keys.js'), import('../../dist/esm/redis/stored.js'),
  ]);
  return { READ, keysOf, storedBytes };
};

const NODES = ['native-link', 'js-ioredis'];
/** Doorbells that a node is behind at most: some 2 MiB. */
const AHEAD = 2_000;
/** Bytes of the action's JSON. */
const ACTION_BYTES = 350;

export const redisLatency = {
  name: 'redis-latency',
  about: 'from a publish on one node to a socket on another, one event each 25 ms; polling: a sorted set asked each 500 ms',
  subjects: [...NODES, 'polling-500ms'],
  trials: 3,
  parameters: { clients: 20, events: 400, gapMs: 25 },
  quick: { clients: 2, events: 20, gapMs: 25 },
  metrics: { p50: 'us', p99: 'us', worst: 'us' },
  trial: (subject, { clients, events, gapMs }) =>
    NodesTrial.run(subject, async (trial) => {
      await trial.both();
      await trial.open(clients);
      const publish = async (count) => {
        await trial.load.ask('reset');
        const [, got] = await Promise.all([
          trial.a.ask('publish', { count, gapMs }, 2 * DELIVERY_MS),
          trial.load.ask('expect', { events: count * clients, timeoutMs: DELIVERY_MS }, 2 * DELIVERY_MS),
        ]);
        if (got.timedOut) throw new Error(`${subject}: ${got.events} of ${count * clients} events arrived`);
        return got;
      };
      await publish(10);
      const { latencyP50Us: p50, latencyP99Us: p99, latencyMaxUs: worst } = await publish(events);
      return { p50, p99, worst };
    }),
  ratios: [],
  targets: [],
};

/** Doorbells as the publishing script rings them, of the epoch that a node has begun; the log behind them is not read. */
function* doorbells(storedBytes, channel, companyId, epoch, count) {
  const action = { type: 'update', id: '', module: 'guests', entityId: 'guest-1234', companyId, userId: 'user-1', timestamp: Date.now(), queryPaths: ['guests.getAll', 'guests.getStats'] };
  const at = Date.now();
  for (let seq = 1; seq <= count; seq++) {
    const id = `b3c1f0a2-5d7e-4c11-9a57-${String(seq).padStart(12, '0')}`;
    const bare = JSON.stringify({ ...action, id, data: { pad: '' } });
    const json = JSON.stringify({ ...action, id, data: { pad: 'x'.repeat(Math.max(0, ACTION_BYTES - bare.length)) } });
    const bytes = storedBytes({ head: `${json.slice(0, -1)},"seq":`, tail: '}' });
    const payload = Buffer.concat([Buffer.from(`1 ${epoch} ${seq} ${at} ${id.length}\n${id}`), bytes]);
    yield Buffer.concat([Buffer.from(`*3\r\n$7\r\nPUBLISH\r\n$${channel.length}\r\n${channel}\r\n$${payload.length}\r\n`), payload, Buffer.from('\r\n')]);
  }
}

/** One command after the other of each company in turn. */
function* inTurn(sources) {
  for (;;) {
    for (const source of sources) {
      const { value, done } = source.next();
      if (done) return;
      yield value;
    }
  }
}

async function receive(trial, { actions, companies }, query) {
  trial.b = await trial.node('B', { core: 0 });
  await trial.startLoad();
  await trial.open(companies, { companies, query });
  const each = Math.floor(actions / companies);
  const sources = [];
  const { keysOf, storedBytes } = await format();
  for (let n = 0; n < companies; n++) {
    const { head, doorbell } = keysOf('pathcast', `company-${n}`);
    sources.push(doorbells(storedBytes, doorbell, `company-${n}`, await trial.redis.client.hget(head, 'epoch'), each));
  }
  const commands = [...inTurn(sources)];
  const total = commands.length;
  const heard = async () => (await trial.b.ask('metrics')).metrics.broker;
  const before = await heard();
  const used = await trial.cpuOfB(async () => {
    await trial.redis.blast(commands, AHEAD);
    const end = performance.now() + DELIVERY_MS;
    while ((await heard()).doorbells - before.doorbells < total) {
      if (performance.now() > end) throw new Error(`${trial.subject}: ${(await heard()).doorbells} of ${total} doorbells were heard`);
      await sleep(50);
    }
  });
  const after = await heard();
  if (after.gapsFound !== before.gapsFound || after.foreign !== before.foreign) throw new Error(`${trial.subject}: gaps or strangers: ${JSON.stringify(after)}`);
  return { total, ...used };
}

export const redisReceived = {
  name: 'redis-received',
  about: 'actions that a node takes from Redis in a second of its CPU, all threads: parsed, put into the mirror, matched against a stream that wants another module; and the same where the stream gets it',
  subjects: NODES,
  trials: 3,
  parameters: { actions: 200_000, companies: 10 },
  quick: { actions: 2_000, companies: 2 },
  metrics: { perCpuSecond: 'actions', jsThread: 'us', deliveredPerCpuSecond: 'actions', jsThreadDelivered: 'us' },
  trial: async (subject, parameters) => {
    const matched = await NodesTrial.run(subject, (trial) => receive(trial, parameters, '?modules=hotels'));
    const delivered = await NodesTrial.run(subject, (trial) => receive(trial, parameters, ''));
    return {
      perCpuSecond: (matched.total / matched.allUs) * 1e6,
      jsThread: matched.threadUs / matched.total,
      deliveredPerCpuSecond: (delivered.total / delivered.allUs) * 1e6,
      jsThreadDelivered: delivered.threadUs / delivered.total,
    };
  },
  ratios: [{ of: 'perCpuSecond', against: 'js-ioredis', metric: 'vsIoredis' }],
  targets: [{ subject: 'native-link', metric: 'vsIoredis', atLeast: 4 }],
};

export const redisPublish = {
  name: 'redis-publish',
  about: 'what a publish costs: commands that Redis gets, CPU of the node and of Redis, and how many go through in a second, 512 at a time',
  subjects: NODES,
  trials: 3,
  parameters: { counted: 1_000, actions: 50_000, companies: 10 },
  quick: { counted: 20, actions: 500, companies: 2 },
  metrics: { commands: 'commands', perSecond: 'actions', cpu: 'us', jsThread: 'us', redisCpu: 'us' },
  trial: (subject, { counted, actions, companies }) =>
    NodesTrial.run(subject, async (trial) => {
      trial.b = await trial.node('A', { core: 0 });
      await trial.b.ask('flood', { count: 10 * companies, companies });
      const seen = await trial.redis.watch(() => trial.b.ask('flood', { count: counted, companies, inFlight: 1 }));
      let commands = 0;
      for (const [name, count] of seen) if (name !== 'ping') commands += count;
      let ms = 0;
      const redisBefore = await trial.redis.cpuUs();
      const used = await trial.cpuOfB(async () => {
        const answer = await trial.b.ask('flood', { count: actions, companies }, DELIVERY_MS);
        if (answer.queued > 0) throw new Error(`${subject}: ${answer.queued} publishes were queued`);
        ({ ms } = answer);
      });
      const redisUs = (await trial.redis.cpuUs()) - redisBefore;
      return { commands: commands / counted, perSecond: (actions / ms) * 1e3, cpu: used.allUs / actions, jsThread: used.threadUs / actions, redisCpu: redisUs / actions };
    }),
  ratios: [],
  targets: [],
};

export const redisResume = {
  name: 'redis-resume',
  about: 'all streams of one company come back at once, with what they missed, to a node that knows nothing of it: readings of its log',
  subjects: NODES,
  trials: 1,
  parameters: { clients: 10_000, missed: 5 },
  quick: { clients: 100, missed: 5 },
  metrics: { reads: 'readings', otherCommands: 'commands', allResumed: 'ms', cpuPerClient: 'us' },
  trial: (subject, { clients, missed }) =>
    NodesTrial.run(subject, async (trial) => {
      await trial.both();
      await trial.open(clients);
      await trial.a.ask('publish', { count: 1 });
      await trial.load.ask('expect', { events: clients, timeoutMs: DELIVERY_MS }, DELIVERY_MS);
      const { port } = trial.b;
      await trial.load.ask('cut');
      await trial.endNode(trial.b);
      await trial.a.ask('publish', { count: missed });
      trial.b = await trial.node('B again', { core: 0, env: { BENCH_PORT: String(port) } });
      await trial.load.ask('reset');
      let back;
      let used;
      const seen = await trial.redis.watch(async () => {
        used = await trial.cpuOfB(async () => {
          back = await trial.load.ask('reconnect', { events: missed, timeoutMs: DELIVERY_MS }, 2 * DELIVERY_MS);
        });
      });
      const got = await trial.load.ask('stats');
      if (back.resumed !== clients || got.fewestEvents !== missed || got.mostEvents !== missed || got.gaps > 0 || got.repeats > 0) {
        throw new Error(`${subject}: ${back.resumed} of ${clients} resumed, ${got.fewestEvents} to ${got.mostEvents} events each, ${got.gaps} gaps, ${got.repeats} repeats`);
      }
      const { READ } = await format();
      const reads = seen.get(sha1(READ)) ?? 0;
      const all = [...seen.values()].reduce((sum, count) => sum + count, 0);
      return { reads, otherCommands: all - reads, allResumed: back.resumeMaxUs / 1e3, cpuPerClient: used.allUs / clients };
    }),
  ratios: [],
  targets: NODES.map((subject) => ({ subject, metric: 'reads', atMost: 1 })),
};

export const redisMemory = {
  name: 'redis-memory',
  about: `what a company with a full history of ${ACTION_BYTES}-byte actions takes in Redis and in a node that has a stream of it; what an idle one takes, that was published to once; commands a minute while all are idle`,
  subjects: NODES,
  trials: 1,
  parameters: { companies: 100, actions: 1_000, idle: 100_000, watchSeconds: 30 },
  quick: { companies: 2, actions: 20, idle: 200, watchSeconds: 1 },
  metrics: { inRedis: 'bytes', inNode: 'bytes', idleInRedis: 'bytes', idleInNode: 'bytes', commandsPerMinute: 'commands' },
  trial: (subject, { companies, actions, idle, watchSeconds }) =>
    NodesTrial.run(subject, async (trial) => {
      const { redis } = trial;
      await trial.both({ BENCH_LOG_ACTIONS: String(actions) });
      const used = () => redis.number('memory', 'used_memory');
      const settled = async (node) => (await node.ask('memory', { settleSeconds: 3 })).rss;

      await trial.a.ask('flood', { count: 10, companies: 1 });
      const [redisBefore, nodeBefore] = [await used(), await settled(trial.b)];
      await trial.a.ask('flood', { count: companies * actions, companies }, DELIVERY_MS);
      const redisFull = await used();
      await trial.open(companies, { companies });
      const nodeFull = await settled(trial.b);

      const [idleBefore, publisherBefore] = [await used(), await settled(trial.a)];
      await trial.a.ask('flood', { count: idle, companies: idle }, DELIVERY_MS);
      const [idleAfter, publisherAfter] = [await used(), await settled(trial.a)];
      const seen = await redis.watch(() => sleep(watchSeconds * 1e3));
      const commands = [...seen.values()].reduce((sum, count) => sum + count, 0);
      return {
        inRedis: (redisFull - redisBefore) / companies,
        inNode: (nodeFull - nodeBefore) / companies,
        idleInRedis: (idleAfter - idleBefore) / (idle - companies),
        idleInNode: (publisherAfter - publisherBefore) / (idle - companies),
        commandsPerMinute: (commands * 60) / watchSeconds,
      };
    }),
  ratios: [],
  targets: [],
};

export const redisScenarios = [redisLatency, redisReceived, redisPublish, redisResume, redisMemory];
