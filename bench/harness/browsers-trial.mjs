/** A trial with an app on one core, and the browsers that look at it on the other one. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child, LOAD_CORE, SERVER_CORE } from './child.mjs';
import { root } from './paths.mjs';
import { DELIVERY_MS } from './trial.mjs';

const node = (script) => [process.execPath, '--expose-gc', path.join(root, 'bench', script)];

export class BrowsersTrial {
  server;
  load;
  port = 0;
  #subject;

  /** `env`: of the server. */
  static async run(subject, env, work) {
    const trial = new BrowsersTrial();
    trial.#subject = subject;
    trial.server = new Child(subject, SERVER_CORE, node('servers/refetch.mjs'), env);
    try {
      trial.port = (await trial.server.ready()).port;
      trial.load = new Child('browsers', LOAD_CORE, node('load/browsers.mjs'));
      await trial.load.ready();
      return await work(trial);
    } finally {
      await trial.load?.end();
      await trial.server.end();
    }
  }

  open(options) {
    return this.load.ask('open', { port: this.port, ...options }, DELIVERY_MS);
  }

  /** One change after the other; ms from each commit until the last browser had it. */
  async mutations(count, everyMs) {
    const last = [];
    for (let i = 0; i < count; i += 1) {
      const next = sleep(everyMs);
      last.push((await this.load.ask('mutate', {}, DELIVERY_MS)).lastMs);
      await next;
    }
    return last;
  }

  /** CPU of the server while `work` runs, ms: of all threads, and of the JavaScript thread; and the load's share of its core. */
  async cpu(work) {
    const [before, loadBefore, start] = [await this.server.ask('usage'), await this.load.ask('usage'), performance.now()];
    const result = await work();
    const [after, loadAfter, wallMs] = [await this.server.ask('usage'), await this.load.ask('usage'), performance.now() - start];
    const all = (one, two) => (two.userUs + two.systemUs - one.userUs - one.systemUs) / 1e3;
    return { result, cpuMs: all(before, after), threadMs: (after.threadUs - before.threadUs) / 1e3, loadShare: all(loadBefore, loadAfter) / wallMs };
  }

  async checkTruth() {
    const { untrue } = await this.load.ask('untrue');
    if (untrue > 0) throw new Error(`${this.#subject}: ${untrue} queries show what is not true`);
  }
}
