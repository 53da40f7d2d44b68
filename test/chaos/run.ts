/**
 * A chaos run: real nodes, a real Redis, clients and publishers, and a schedule of faults by a seed. What they left is judged by
 * `check-history.ts`. The seed fixes what is done, and to whom; the machine decides what meets what.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LinkProxy } from '../support/link-proxy.js';
import { makeRandom, type Random } from '../support/random.js';
import { FAILS_OVER_MS, RedisCluster } from '../support/redis-cluster.js';
import { RedisSentinels } from '../support/redis-sentinels.js';
import { RedisServer } from '../support/redis.js';
import { TLS_FOLDER } from '../support/tls.js';
import { waitFor } from '../support/wait.js';
import { checkHistory } from './check-history.js';
import { ChaosClient } from './clients.js';
import { clusterFaults, inflict, networkFaults, oneRedisFaults, sentinelFaults, type FaultKind, type Place } from './faults.js';
import type { Fault, History, Publish, Settings, Verdict } from './history.js';
import { Network } from './network.js';
import { ChaosNode } from './nodes.js';
import { now } from './now.js';
import { clockLibrary, SetClock } from './set-clock.js';
import { watchStarvation } from './starvation.mjs';

export interface ChaosOptions {
  /** The checkout. */
  root: string;
  seed: number;
  seconds: number;
  engine: 'native' | 'js';
  redis: 'one' | 'tls' | 'network' | 'sentinels' | 'cluster';
  /** Each node gives its hub a client of its own, an app's, in the place of a URL. */
  client?: boolean;
  /** What the nodes are of: the checkout, or another built one. */
  package?: string | undefined;
  /** A folder with another version, unpacked: one of the nodes is of it. */
  oldPackage?: string | undefined;
  /** Parts of names; only faults that have one of them happen. */
  only?: readonly string[] | undefined;
  companies?: number;
  clientsPerCompany?: number;
  nodes?: number;
  say?: (line: string) => void;
}

export interface ChaosReport extends Verdict {
  history: History;
  /** Bytes on a stream that no server may write. */
  broken: string[];
  /** Of each node at the end. */
  metrics: Record<string, Record<string, unknown> | undefined>;
  /** What each node said. */
  said: Record<string, readonly string[]>;
}

const FAULTS = { one: oneRedisFaults, tls: oneRedisFaults, network: networkFaults, sentinels: sentinelFaults, cluster: clusterFaults };
const MODULES = ['guests', 'budget', 'hotels'];
const PREFIX = 'chaos';
const LOG_ACTIONS = 400;
const SETTINGS: Settings = { logActions: LOG_ACTIONS, publishWaitMs: 250, openWaitMs: 2_000, slackMs: 3_000, reconnectMs: 5_000 };
/** Between two publishes of the run. ms */
const PUBLISH_EACH_MS = 25;
/** Between two clients whose connection breaks. ms */
const CUT_EACH_MS = 150;
/** Between two times of slowness that count as one. ms */
const JOINED_MS = 500;
/** After the last fault, until all is well again. ms */
const HEAL_MS = 45_000;

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const run = new Run(options);
  try {
    return await run.go();
  } finally {
    await run.end();
  }
}

class Run {
  readonly publishes: Publish[] = [];
  readonly faults: Fault[] = [];
  readonly nodes: ChaosNode[] = [];
  readonly links: LinkProxy[] = [];
  readonly companies: string[];
  readonly #traffic: Random;
  readonly #schedule: Random;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'pathcast-chaos-'));
  #clients: ChaosClient[] = [];
  #server: RedisServer | undefined;
  #sentinels: RedisSentinels | undefined;
  #cluster: RedisCluster | undefined;
  #network: Network | undefined;
  readonly #library: string | undefined;
  #redisClock: SetClock | undefined;
  /** When this process, with all the clients, could not run. */
  readonly #starved: [at: number, until: number][] = [];
  readonly #unwatch = watchStarvation(now, (at, until) => this.#starved.push([at, until]));
  #timers: NodeJS.Timeout[] = [];
  #ended = false;

  constructor(readonly options: ChaosOptions) {
    this.#library = clockLibrary(options.root, this.#folder);
    this.#traffic = makeRandom(options.seed);
    this.#schedule = makeRandom(options.seed ^ 0x5eed);
    this.companies = Array.from({ length: options.companies ?? 30 }, (_, i) => `c${i}`);
  }

  #say(text: string): void {
    this.options.say?.(text);
  }

  async go(): Promise<ChaosReport> {
    const { clientsPerCompany = 10, seconds } = this.options;
    const urls = await this.#startRedis();
    urls.forEach((url, i) => this.nodes.push(this.#node(url, i)));
    await Promise.all(this.nodes.map((node) => node.start()));
    const random = this.#traffic;
    const pickNode = (): ChaosNode => random.pick(this.nodes);
    for (const company of this.companies) {
      for (let i = 0; i < clientsPerCompany; i++) {
        // The first is never without a filter: it sees each place of the log.
        const modules = i > 0 && random.chance(0.25) ? [random.pick(MODULES)] : undefined;
        this.#clients.push(new ChaosClient(company, i, modules, pickNode));
      }
    }
    for (const client of this.#clients) client.open();
    await this.#allHeard('at the start', () => this.#clients.every(({ steps }) => steps.some(({ kind }) => kind === 'hello')));
    this.#startTraffic();
    await this.#inflictFor(seconds * 1_000);
    await this.#settle();
    const metrics = Object.fromEntries(await Promise.all(this.nodes.map(async (node) => [node.name, await node.metrics()] as const)));
    for (const client of this.#clients) client.close();
    await Promise.all(this.nodes.map((node) => node.close()));
    const { publishes } = this;
    const faults = [...this.faults, ...slow(this.#starved), ...this.nodes.flatMap(({ name, starved }) => slow(starved, [name]))].sort((a, b) => a.at - b.at);
    const history: History = { clients: this.#clients, publishes, faults, settings: SETTINGS };
    const verdict = checkHistory(history);
    const said = Object.fromEntries(this.nodes.map((node) => [node.name, node.said]));
    return { ...verdict, history, broken: this.#clients.flatMap(({ broken }) => broken), metrics, said };
  }

  /** A URL for each node. */
  async #startRedis(): Promise<string[]> {
    const count = this.options.nodes ?? 3;
    if (this.options.redis === 'sentinels') {
      this.#sentinels = await RedisSentinels.start({ stores: 'each-write' });
      return Array.from({ length: count }, () => this.#sentinels!.url);
    }
    if (this.options.redis === 'cluster') {
      this.#cluster = await RedisCluster.start({ nodeTimeoutMs: FAILS_OVER_MS });
      return Array.from({ length: count }, () => this.#cluster!.url);
    }
    const tls = this.options.redis === 'tls';
    this.#redisClock = this.#clock('redis');
    const env = this.#redisClock?.env ?? {};
    if (this.options.redis === 'network') {
      const network = (this.#network = Network.start(count));
      this.#server = await RedisServer.start({ stores: 'each-write', tcp: true, env, settings: ['--bind', network.redisHost, '--protected-mode', 'no'] });
      const url = `redis://${network.redisHost}:${String(this.#server.port)}`;
      return Array.from({ length: count }, () => url);
    }
    const server = await RedisServer.start({ stores: 'each-write', tls, env });
    this.#server = server;
    const target = () => (tls ? { host: '127.0.0.1', port: server.tlsPort } : { path: server.socket });
    for (let i = 0; i < count; i++) this.links.push(await LinkProxy.start(target));
    return this.links.map(({ url, port }) => (tls ? `rediss://localhost:${port}` : url));
  }

  #clock(name: string): SetClock | undefined {
    return this.#library === undefined ? undefined : new SetClock(this.#library, this.#folder, name);
  }

  #node(url: string, index: number): ChaosNode {
    const { root, engine, redis, oldPackage, client = false } = this.options;
    const { publishWaitMs, openWaitMs } = SETTINGS;
    return new ChaosNode(`n${index}`, {
      root,
      engine,
      client,
      clock: this.#clock(`n${index}`),
      through: this.#network?.through(index),
      host: this.#network?.hostOf(index) ?? '127.0.0.1',
      trusted: redis === 'tls' ? path.join(TLS_FOLDER, 'cert.pem') : undefined,
      packageFolder: index === 0 && oldPackage !== undefined ? oldPackage : (this.options.package ?? root),
      redis: { url, prefix: PREFIX, publishWaitMs, openWaitMs, probeMs: 1_000 },
      hub: { heartbeatMs: 1_000, retryMs: 300, log: { maxActions: LOG_ACTIONS }, limits: { perUser: 5, perCompany: 50 } },
    });
  }

  #startTraffic(): void {
    const random = this.#traffic;
    this.#timers.push(
      setInterval(() => {
        const node = random.pick(this.nodes);
        const company = random.pick(this.companies);
        const count = random.chance(0.1) ? 2 + random.below(6) : 1;
        if (node.runs) this.#publish(node, Array.from({ length: count }, () => [company, random.pick(MODULES)]));
      }, PUBLISH_EACH_MS),
      setInterval(() => random.pick(this.#clients).cut(), CUT_EACH_MS),
    );
  }

  #publish(node: ChaosNode, what: [company: string, module: string][]): void {
    const publishes = what.map(([company, module]): Publish => {
      const action = `a${this.publishes.length}`;
      const publish: Publish = { action, company, module, paths: [`${module}.${action}`], node: node.name, at: now() };
      this.publishes.push(publish);
      return publish;
    });
    node.publish(publishes);
  }

  async #inflictFor(ms: number): Promise<void> {
    const until = now() + ms;
    const random = this.#schedule;
    const all = this.#kinds();
    if (all.length === 0) return this.#pause(ms);
    while (now() < until) {
      await this.#pause(300 + random.below(1_700));
      if (now() >= until) break;
      const first = this.#pick(all);
      // Two at a time, now and then, but not two of one kind.
      const second = random.chance(0.3) ? this.#pick(all) : undefined;
      const kinds = second && second.touches !== first.touches ? [first, second] : [first];
      const done = await Promise.all(kinds.map((kind) => inflict(kind, this.#place())));
      for (const fault of done) {
        this.faults.push(fault);
        this.#say(`${fault.what}${fault.nodes ? ` [${fault.nodes.join()}]` : ''}: ${Math.round(fault.until - fault.at)} ms`);
      }
    }
  }

  #kinds(): FaultKind<Place>[] {
    const all = (FAULTS[this.options.redis] as FaultKind<Place>[]).filter(({ needs }) => needs === undefined || this.#library !== undefined);
    if (this.#library === undefined) this.#say("no library could be made that sets a process's clock (gcc, Linux): only JavaScript's clock of a node jumps");
    const { only } = this.options;
    const kinds = only ? all.filter(({ name }) => only.some((part) => name.includes(part))) : all;
    if (kinds.length === 0 && !only?.includes('none')) throw new Error(`no fault is called ${only?.join(' or ')}; there are: ${all.map(({ name }) => name).join('; ')}`);
    return kinds;
  }

  #pick(kinds: readonly FaultKind<Place>[]): FaultKind<Place> {
    let left = this.#schedule.below(kinds.reduce((sum, { weight }) => sum + weight, 0));
    return kinds.find(({ weight }) => (left -= weight) < 0)!;
  }

  #place(): Place {
    const { nodes, companies, links } = this;
    const common = { random: this.#schedule, nodes, companies, prefix: PREFIX, pause: (ms: number) => this.#pause(ms) };
    const one = this.#server ? { server: this.#server, admin: this.#server.client(), links, clock: this.#redisClock } : {};
    return Object.assign(common, one, this.#network ? { network: this.#network } : {}, this.#sentinels ? { sentinels: this.#sentinels } : {}, this.#cluster ? { cluster: this.#cluster } : {});
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** No more faults: what waits goes out, and each client hears of the last actions. */
  async #settle(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#say('no more faults');
    await this.#allHeard('each publisher to be answered, and nothing to wait', async () => {
      if (this.nodes.some(({ pending }) => pending > 0)) return false;
      const all = await Promise.all(this.nodes.map((node) => node.metrics()));
      return all.every((metrics) => metrics === undefined || metrics['outboxActions'] === 0);
    });
    const from = this.publishes.length;
    for (const company of this.companies) this.#publish(this.#traffic.pick(this.nodes), MODULES.map((module) => [company, module]));
    const last = this.publishes.slice(from);
    await this.#allHeard('each client to hear of the last actions', () =>
      this.#clients.every((client) => {
        const due = last.filter(({ company, module }) => company === client.company && (client.modules?.includes(module) ?? true));
        const began = due[0]!.at;
        const late = client.steps.filter(({ at }) => at >= began);
        return late.some(({ kind }) => kind === 'resync') || due.every((publish) => late.some((step) => tells(step, publish)));
      }),
    );
  }

  /** What never comes is the checker's to find; it is only waited for as long as it may take. */
  async #allHeard(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
    await waitFor(check, what, HEAL_MS).catch((error: unknown) => this.#say(String(error)));
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#unwatch();
    for (const timer of this.#timers) clearInterval(timer);
    for (const client of this.#clients) client.close();
    await Promise.all(this.nodes.map((node) => node.kill()));
    await Promise.all(this.links.map((link) => link.close()));
    await this.#server?.end();
    await this.#sentinels?.end();
    await this.#cluster?.end();
    this.#network?.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Intervals that follow each other are one. */
function slow(starved: readonly (readonly [at: number, until: number])[], nodes?: string[]): Fault[] {
  const faults: Fault[] = [];
  for (const [at, until] of starved) {
    const last = faults.at(-1);
    if (last && at - last.until < JOINED_MS) last.until = until;
    else faults.push({ what: 'the machine was too slow', at, until, excuses: ['node-stood'], ...(nodes ? { nodes } : {}) });
  }
  return faults;
}

function tells(step: ChaosClient['steps'][number], { action, paths }: Publish): boolean {
  return step.kind === 'action' ? step.action === action : step.kind === 'invalidate' && paths.every((path) => step.paths.includes(path));
}
