/**
 * A trial with a Redis and two nodes: A publishes, B has the streams and is what is measured. B has a core, all others share the
 * other one.
 */
import { Child, LOAD_CORE, SERVER_CORE } from './child.mjs';
import { loadClient } from './binaries.mjs';
import { RedisServer } from './redis-server.mjs';
import { DELIVERY_MS } from './trial.mjs';
import { root } from './paths.mjs';
import path from 'node:path';

/** By name: the program of a node, and how it reaches Redis. */
export const LINKS = {
  'native-link': { script: 'redis-node.mjs', link: 'native' },
  'js-ioredis': { script: 'redis-node.mjs', link: 'js-ioredis' },
  'polling-500ms': { script: 'polling.mjs', link: '' },
};

export class NodesTrial {
  subject;
  redis;
  a;
  b;
  load;
  #children = new Set();

  static async run(subject, work) {
    const trial = new NodesTrial();
    trial.subject = subject;
    trial.redis = await RedisServer.start();
    try {
      return await work(trial);
    } finally {
      for (const child of [...trial.#children].reverse()) await child.end();
      await trial.redis.end();
    }
  }

  /** A started node of the subject, and its port. */
  async node(name, { core = LOAD_CORE, env = {}, subject = this.subject } = {}) {
    const { script, link } = LINKS[subject];
    const command = [process.execPath, '--expose-gc', path.join(root, 'bench/servers', script)];
    const child = new Child(`${subject}, ${name}`, core, command, { BENCH_REDIS: this.redis.socket, BENCH_LINK: link, ...env });
    this.#children.add(child);
    child.port = (await child.ready()).port;
    return child;
  }

  async endNode(child) {
    this.#children.delete(child);
    await child.end();
  }

  /** Both nodes and the load. */
  async both(env = {}) {
    this.b = await this.node('B', { core: SERVER_CORE, env });
    this.a = await this.node('A', { env });
    await this.startLoad();
  }

  async startLoad() {
    this.load = new Child('load', LOAD_CORE, [loadClient()]);
    this.#children.add(this.load);
  }

  /** Opens streams at B and waits until each has begun. */
  async open(count, { companies = 1, query = '', cursors = true, concurrency = 200 } = {}) {
    const options = { count, port: this.b.port, path: `/company-{c}/{i}${query}`, headers: '', companies, cursors, concurrency, timeoutMs: DELIVERY_MS };
    const { streaming } = await this.load.ask('open', options, 2 * DELIVERY_MS);
    if (streaming !== count) throw new Error(`${this.subject}: only ${streaming} of ${count} streams began`);
  }

  /** CPU of B while `work` runs, µs: of all its threads, and of the JavaScript thread. */
  async cpuOfB(work) {
    const before = await this.b.ask('usage');
    await work();
    const after = await this.b.ask('usage');
    return { allUs: after.userUs + after.systemUs - before.userUs - before.systemUs, threadUs: after.threadUs - before.threadUs };
  }
}
