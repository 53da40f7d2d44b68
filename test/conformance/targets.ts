/**
 * The engines that the suite holds to lib/SPEC.md, and the ways to open a stream on them. The native engine is
 * no option here: where it does not load, its tests fail.
 */
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import type { BrokerLogOptions } from '../../lib/internal/broker.js';
import type { Engine, EngineFactory, EngineNotice, EngineOptions, StreamSpec } from '../../lib/internal/engine.js';
import { createJsEngine } from '../../lib/jsengine/index.js';
import { createNativeEngine } from '../../lib/native/index.js';
import { ioredisBroker } from '../../lib/redis/brokers/ioredis.js';
import { nodeRedisBroker } from '../../lib/redis/brokers/node-redis.js';
import { brokerLog } from '../support/broker-log.js';
import { MessagesClient, SinkClient, SocketClient, type EngineClient } from '../support/engine-client.js';
import { DEFAULTS, SPEC_DEFAULTS } from '../support/engine-options.js';
import { RedisServer } from '../support/redis.js';
import { within } from '../support/wait.js';

/** A busy machine is not to be taken for a Redis that is away. ms */
const BUSY_MS = 10_000;
/** One server a test file, started by the first engine that needs it; each engine has a prefix, and so a log, of its own. */
let server: Promise<RedisServer> | undefined;
afterAll(async () => await (await server)?.end());

export interface Target {
  name: string;
  createEngine: EngineFactory;
  connect(engine: Engine, spec: StreamSpec): Promise<EngineClient>;
  /** Where its log lives; absent: memory. */
  broker?(server: RedisServer): Pick<BrokerLogOptions, 'url' | 'broker'>;
}

const throughSink: Target['connect'] = async (engine, spec) => new SinkClient(engine, spec);
const throughSocket: Target['connect'] = async (engine, spec) => await SocketClient.open(engine, spec);
const throughChunks: Target['connect'] = async (engine, spec) => new SinkClient(engine, { ...spec, framing: 'chunked' });
const throughChunkedSocket: Target['connect'] = async (engine, spec) => await SocketClient.open(engine, { ...spec, framing: 'chunked' });
const throughMessages: Target['connect'] = async (engine, spec) => new MessagesClient(engine, spec);

/** Over a log in a Redis. */
const inRedis: Target[] = [
  {
    name: 'native over sockets, its log in Redis by the native link',
    createEngine: createNativeEngine,
    connect: throughSocket,
    broker: ({ socket }) => ({ url: `redis+unix://${socket}` }),
  },
];

/** The same through clients of the app's own; for suites that are about the log, for the rest of the engine is the same. */
const throughClients: Target[] = [
  {
    name: 'native over sinks, its log in Redis by ioredis',
    createEngine: createNativeEngine,
    connect: throughSink,
    broker: ({ socket }) => ({ broker: ioredisBroker(new Redis({ path: socket, lazyConnect: true })) }),
  },
  {
    name: 'js over sinks, its log in Redis by ioredis',
    createEngine: createJsEngine,
    connect: throughSink,
    broker: (server) => ({ broker: ioredisBroker(new Redis({ path: server.socket, lazyConnect: true })) }),
  },
  {
    name: 'js over sinks, its log in Redis by node-redis',
    createEngine: createJsEngine,
    connect: throughSink,
    broker: ({ socket }) => ({ broker: nodeRedisBroker(createClient({ socket: { path: socket, tls: false } })) }),
  },
];
export const withClients = (list: readonly Target[]): Target[] => [...list, ...throughClients];

/** One per engine, for what does not depend on the way in. */
export const engines: Target[] = [
  { name: 'js', createEngine: createJsEngine, connect: throughSink },
  { name: 'native', createEngine: createNativeEngine, connect: throughSink },
  ...inRedis,
];

/** Each engine over each of its ways in. */
export const targets: Target[] = [
  { name: 'js over sinks', createEngine: createJsEngine, connect: throughSink },
  { name: 'native over sinks', createEngine: createNativeEngine, connect: throughSink },
  { name: 'native over sockets', createEngine: createNativeEngine, connect: throughSocket },
  ...inRedis,
];

/** And in each framing, for what one could get wrong where another is right. */
export const framings: Target[] = [
  ...targets,
  { name: 'js in chunks', createEngine: createJsEngine, connect: throughChunks },
  { name: 'js in messages', createEngine: createJsEngine, connect: throughMessages },
  { name: 'native in chunks', createEngine: createNativeEngine, connect: throughChunks },
  { name: 'native in chunks over sockets', createEngine: createNativeEngine, connect: throughChunkedSocket },
  { name: 'native in messages', createEngine: createNativeEngine, connect: throughMessages },
];

/** Engines and clients of one test; `dispose` ends them and reports what the engine did that it must not. */
export class Bench {
  readonly notices: EngineNotice[] = [];
  private readonly engines: Engine[] = [];
  private readonly clients: EngineClient[] = [];

  /** `server`: of a target that needs one. */
  constructor(
    private readonly target: Target,
    private readonly server?: RedisServer,
  ) {}

  /** Name of the target. */
  get name(): string {
    return this.target.name;
  }

  engine(options: Partial<EngineOptions> = {}): Engine {
    const broker = this.server && { ...brokerLog(), publishWaitMs: BUSY_MS, ...this.target.broker?.(this.server) };
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

/** `describe.each` over targets, with a fresh `Bench` per test. */
export function conformance(title: string, list: readonly Target[], body: (bench: () => Bench, target: Target) => void): void {
  describe.each(list)(`${title} ($name)`, (target) => {
    let bench: Bench;
    beforeEach(async () => {
      bench = new Bench(target, target.broker && (await (server ??= RedisServer.start())));
    });
    afterEach(async () => {
      await bench.dispose();
    });
    body(() => bench, target);
  });
}
