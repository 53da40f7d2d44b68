/**
 * The engines that the suite holds to lib/SPEC.md, and the ways to open a stream on them. The native engine is
 * no option here: where it does not load, its tests fail.
 */
import type { BrokerLogOptions } from '../../lib/internal/broker.js';
import type { Engine, EngineFactory, EngineNotice, EngineOptions, StreamSpec } from '../../lib/internal/engine.js';
import { createJsEngine } from '../../lib/jsengine/index.js';
import { createNativeEngine } from '../../lib/native/index.js';
import { clientBroker } from '../../lib/redis/brokers/app-client.js';
import { urlBroker } from '../../lib/redis/brokers/load-ioredis.js';
import { parseRedisUrl } from '../../lib/redis/url.js';
import { brokerLog } from '../support/broker-log.js';
import { MessagesClient, SinkClient, SocketClient, type EngineClient } from '../support/engine-client.js';
import { DEFAULTS, SPEC_DEFAULTS } from '../support/engine-options.js';
import { within } from '../support/wait.js';
import * as servers from './servers.js';
import type { BrokerColumn, RedisOption } from './servers.js';

/** A busy machine is not to be taken for a Redis that is away. ms */
const BUSY_MS = 10_000;
/** Six servers that meet, and three that agree on a master, on a busy machine. ms */
const START_MS = 90_000;

export interface Target {
  engine: 'js' | 'native';
  /** How a stream reaches its client. */
  way: string;
  createEngine: EngineFactory;
  connect(engine: Engine, spec: StreamSpec): Promise<EngineClient>;
  /** Where its log lives; absent: memory. Each engine has a prefix, and so a log, of its own. */
  broker?: BrokerColumn;
}

const throughSink: Target['connect'] = async (engine, spec) => new SinkClient(engine, spec);
const throughSocket: Target['connect'] = async (engine, spec) => await SocketClient.open(engine, spec);
const throughChunks: Target['connect'] = async (engine, spec) => new SinkClient(engine, { ...spec, framing: 'chunked' });
const throughChunkedSocket: Target['connect'] = async (engine, spec) => await SocketClient.open(engine, { ...spec, framing: 'chunked' });
const throughMessages: Target['connect'] = async (engine, spec) => new MessagesClient(engine, spec);

const js = (way: string, connect: Target['connect'], broker?: BrokerColumn): Target => ({ engine: 'js', way, createEngine: createJsEngine, connect, ...(broker && { broker }) });
const native = (way: string, connect: Target['connect'], broker?: BrokerColumn): Target => ({
  engine: 'native', way, createEngine: createNativeEngine, connect, ...(broker && { broker }),
});

/** All suites run over memory and over this one. */
const inRedis: Target[] = [native('over sockets', throughSocket, servers.NATIVE_LINK)];

/** Over every other way to a Redis: the suites of `OVER_ALL_SERVERS`. */
const overAllServers: Target[] = [
  native('over sockets', throughSocket, servers.NATIVE_SENTINEL),
  native('over sockets', throughSocket, servers.NATIVE_STUNNEL),
  ...[servers.IOREDIS, servers.IOREDIS_SENTINEL, servers.IOREDIS_CLUSTER, servers.IOREDIS_TLS, servers.NODE_REDIS].flatMap((broker) => [
    js('over sinks', throughSink, broker),
    native('over sinks', throughSink, broker),
  ]),
];

/**
 * What a broker has a part in: the log, its order, what is resumed, limits over nodes, ephemeral events, the end. In the other suites an
 * engine is the same whatever is behind its log. `PATHCAST_ALL_COLUMNS=1`: all suites run over all of them.
 */
const OVER_ALL_SERVERS = ['The log', 'The verdict', 'Exactly once', 'Time as a position', 'Ephemeral events', 'Metrics', 'Isolation', 'Close', 'Hubs'];
const isOverAllServers = (title: string): boolean => process.env['PATHCAST_ALL_COLUMNS'] === '1' || OVER_ALL_SERVERS.includes(title);

/** One per engine, for what does not depend on the way in. */
export const engines: Target[] = [js('over sinks', throughSink), native('over sinks', throughSink), ...inRedis];

/** Each engine over each of its ways in. */
export const targets: Target[] = [js('over sinks', throughSink), native('over sinks', throughSink), native('over sockets', throughSocket), ...inRedis];

/** And in each framing, for what one could get wrong where another is right. */
export const framings: Target[] = [
  ...targets,
  js('in chunks', throughChunks),
  js('in messages', throughMessages),
  native('in chunks', throughChunks),
  native('in chunks over sockets', throughChunkedSocket),
  native('in messages', throughMessages),
];

/** The title of what runs over a target: `conformance:table` reads it again. */
const nameOf = ({ engine, way, broker }: Target): string => `${engine} ${way}, ${broker?.name ?? 'memory'}`;

function brokerOf(redis: RedisOption, engine: Target['engine']): Pick<BrokerLogOptions, 'url' | 'broker'> {
  if (typeof redis !== 'string') return { broker: clientBroker(redis) };
  return engine === 'native' ? { url: redis } : { broker: urlBroker(parseRedisUrl(redis)) };
}

/** Engines and clients of one test; `dispose` ends them and reports what the engine did that it must not. */
export class Bench {
  readonly notices: EngineNotice[] = [];
  private readonly engines: Engine[] = [];
  private readonly clients: EngineClient[] = [];

  /** `redis`: of a target with a broker. */
  constructor(
    private readonly target: Target,
    private readonly redis?: () => RedisOption,
  ) {}

  engine(options: Partial<EngineOptions> = {}): Engine {
    const broker = this.redis && { ...brokerLog(), publishWaitMs: BUSY_MS, ...brokerOf(this.redis(), this.target.engine) };
    const engine = this.target.createEngine({ ...DEFAULTS, ...(broker && { broker }), ...options }, (notice) => this.notices.push(notice));
    this.engines.push(engine);
    return engine;
  }

  /** Opens a stream; its `hello` or its refusal may still be on the way. */
  async connect(engine: Engine, spec: Partial<StreamSpec> = {}): Promise<EngineClient> {
    const client = await this.target.connect(engine, { ...SPEC_DEFAULTS, ...spec });
    this.clients.push(client);
    return client;
  }

  /** Opens a stream and waits for its `hello`. */
  async open(engine: Engine, spec: Partial<StreamSpec> = {}): Promise<EngineClient> {
    const client = await this.connect(engine, spec);
    await client.untilHello();
    return client;
  }

  async dispose(): Promise<void> {
    for (const client of this.clients) client.cut();
    for (const engine of this.engines) await within(engine.close(), 'the engine to close');
    const faults = this.clients.flatMap((client) => client.faults);
    if (faults.length > 0) throw new Error(`The engine broke the contract of its sinks: ${faults.slice(0, 5).join('; ')}`);
  }
}

/** `describe.each` over targets, and over all servers where the title is one of those; with a fresh `Bench` per test. */
export function conformance(title: string, list: readonly Target[], body: (bench: () => Bench, target: Target) => void): void {
  const all = isOverAllServers(title) ? [...list, ...overAllServers] : list;
  describe.each(all.map((target) => [nameOf(target), target] as const))(`${title} (%s)`, (_name, target) => {
    let bench: Bench | undefined;
    let redis: (() => RedisOption) | undefined;
    beforeAll(async () => {
      redis = await target.broker?.ready();
    }, START_MS);
    beforeEach(() => {
      bench = new Bench(target, redis);
    });
    afterEach(async () => {
      await bench?.dispose();
    });
    body(() => bench!, target);
  });
}

/** For what is a matter of hubs: once per engine and way to a Redis. */
export function overHubs(title: string, body: (redis: () => RedisOption, engine: Target['engine']) => void): void {
  const all = [...inRedis, ...(isOverAllServers(title) ? overAllServers : [])].map((target) => [nameOf({ ...target, way: 'as hubs' }), target] as const);
  describe.each(all)(`${title} (%s)`, (_name, { engine, broker }) => {
    let redis: () => RedisOption;
    beforeAll(async () => {
      redis = await broker!.ready();
    }, START_MS);
    body(() => redis(), engine);
  });
}

afterAll(async () => await servers.endServers());
