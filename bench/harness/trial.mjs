/**
 * One trial: one subject in a fresh process on one core, the load in another one on the other core.
 *
 * Every step checks what it relies on: that each delivery arrived, that none was lost or doubled, that the load had
 * time left. A trial where that fails has no figure.
 */
import { readFileSync } from 'node:fs';
import { loadClient } from './binaries.mjs';
import { Child, LOAD_CORE, SERVER_CORE } from './child.mjs';
import { SUBJECTS } from './subjects.mjs';

/** Bytes of one event on the wire, from `id:` to its blank line, HTTP framing not counted. */
export const EVENT_BYTES = 350;
/** Bytes by which the mean of the events may differ from that: cursors and stamps have no fixed length. */
const EVENT_BYTES_SLACK = 6;
/** ms until the slowest subject must have delivered what was published. */
export const DELIVERY_MS = 300_000;
/** Above this share of its core the load may be what was measured. */
const LOAD_LIMIT = 0.95;

/** Microseconds the server's core has been busy for anyone, stolen time included; the kernel counts in 10 ms. */
function coreBusyUs() {
  const line = readFileSync('/proc/stat', 'utf8').split('\n').find((text) => text.startsWith(`cpu${SERVER_CORE} `));
  const [user, nice, system, , , irq, softirq, steal] = (line ?? '').split(' ').slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) * 10_000;
}

export class Trial {
  subject;
  server;
  load;
  clients = 0;
  /** Clients are spread over so many companies; an event reaches those of one. */
  companies = 1;
  #port = 0;
  #expected = 0;

  static async run(subject, work, { env = {} } = {}) {
    const trial = new Trial();
    const { command, env: own = {} } = SUBJECTS[subject];
    trial.subject = subject;
    trial.server = new Child(subject, SERVER_CORE, command(), { ...own, ...env });
    try {
      trial.#port = (await trial.server.ready()).port;
      trial.load = new Child('load', LOAD_CORE, [loadClient()]);
      return await work(trial);
    } finally {
      // The server first: it then sees living clients, not a flood of closes.
      await trial.server.end();
      await trial.load?.end();
    }
  }

  get port() {
    return this.#port;
  }

  /** Another load in the place of the one before, with `count` streams of one company. */
  async freshLoad(count) {
    await this.load.end();
    this.load = new Child('load', LOAD_CORE, [loadClient()]);
    this.clients = 0;
    await this.open(count);
  }

  /** Opens `count` more streams and waits until each has begun. */
  async open(count, { companies = 1, headers = '' } = {}) {
    const { path, cursors = false } = SUBJECTS[this.subject];
    const timeoutMs = DELIVERY_MS;
    const port = this.#port;
    const opened = await this.load.ask('open', { count, port, path, headers, companies, cursors, timeoutMs }, 2 * timeoutMs);
    this.clients += count;
    this.companies = companies;
    if (opened.streaming !== this.clients) {
      throw new Error(`${this.subject}: only ${opened.streaming} of ${this.clients} streams began`);
    }
    return opened;
  }

  /** Makes the event 350 bytes on this subject's wire, and sees that it is. */
  async sizeEvents() {
    for (const check of [false, true]) {
      await this.reset();
      await this.publishAndAwait(this.companies);
      const { eventBytes, events } = await this.load.ask('stats');
      const bytes = eventBytes / events;
      if (!check) await this.server.ask('pad', { bytes: Math.max(0, Math.round(EVENT_BYTES - bytes)) });
      else if (Math.abs(bytes - EVENT_BYTES) > EVENT_BYTES_SLACK) {
        throw new Error(`${this.subject}: an event is ${bytes} bytes on the wire, not ${EVENT_BYTES}`);
      }
    }
  }

  async reset() {
    this.#expected = 0;
    return this.load.ask('reset');
  }

  /** Publishes `count` events, over the companies in turn, and waits until each has reached all it is for. */
  async publishAndAwait(count, options = {}) {
    const { companies } = this;
    this.#expected += (count / companies) * this.clients;
    const arrived = this.load.ask('expect', { events: this.#expected, timeoutMs: DELIVERY_MS }, 2 * DELIVERY_MS);
    const [published, received] = await Promise.all([
      this.server.ask('publish', { count, companies, ...options }, 2 * DELIVERY_MS),
      arrived,
    ]);
    if (received.timedOut) {
      throw new Error(`${this.subject}: ${received.events} of ${this.#expected} deliveries arrived in ${DELIVERY_MS} ms`);
    }
    return { published, received };
  }

  /** Streams that come and go before memory is looked at: code compiled, pools filled, and none of it kept by them. */
  async warmUp(count) {
    const load = new Child('warm-up', LOAD_CORE, [loadClient()]);
    try {
      const { path } = SUBJECTS[this.subject];
      await load.ask('open', { count, port: this.#port, path, companies: 1 });
      await this.server.ask('publish', { count: 5 });
      const { timedOut } = await load.ask('expect', { events: 5 * count });
      if (timedOut) throw new Error(`${this.subject}: the warm-up's events did not arrive`);
    } finally {
      await load.end();
    }
  }

  /**
   * Runs `work` between two looks at both processes' clocks.
   * CPU times are in microseconds and cover all threads.
   */
  async measure(work) {
    const loadBefore = await this.reset();
    const before = await this.server.ask('usage');
    const busyBefore = coreBusyUs();
    await work();
    const busyUs = coreBusyUs() - busyBefore;
    const after = await this.server.ask('usage');
    const load = await this.load.ask('stats');
    if (load.lost > 0) throw new Error(`${this.subject}: ${load.lost} streams broke`);
    if (load.fewestEvents !== load.mostEvents) {
      throw new Error(`${this.subject}: clients got between ${load.fewestEvents} and ${load.mostEvents} events`);
    }
    if (load.gaps > 0 || load.repeats > 0) {
      throw new Error(`${this.subject}: ${load.gaps} gaps and ${load.repeats} repeats in the streams`);
    }
    const wallUs = load.wallUs - loadBefore.wallUs;
    const loadShare = (load.cpuUs - loadBefore.cpuUs) / wallUs;
    const userUs = after.userUs - before.userUs;
    const systemUs = after.systemUs - before.systemUs;
    const cpuUs = userUs + systemUs;
    if (loadShare > LOAD_LIMIT) {
      throw new Error(`${this.subject}: the load used ${Math.round(loadShare * 100)} % of its core; this measures the load`);
    }
    // What others took of the server's core: with more than a little of it the machine was not quiet.
    const othersShare = Math.max(0, busyUs - cpuUs) / wallUs;
    return { cpuUs, userUs, systemUs, wallUs, deliveries: load.events, loadShare, othersShare, load };
  }
}
