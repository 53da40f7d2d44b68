/**
 * A company's log, followed in Redis itself: what is kept from a position on, then what the doorbell rings, and each gap read before
 * anything newer is shown. It reads alone: no script, no key of its own, so that a look never changes what nodes decide by.
 */
import { keysOf, FORMAT } from '../../redis/keys.js';
import { readRung, readStored } from '../../redis/stored.js';
import type { RedisUrl } from '../../redis/url.js';
import { NoRedis, Refused, type NoRedisKind, type RedisConnection } from '../redis/connection.js';
import { RedisClient } from '../redis/client.js';
import { listIn, textIn, type Reply } from '../redis/resp.js';
import { read, type Message } from '../stream/messages.js';
import { until } from '../stream/until.js';
import type { End } from './follow.js';
import { waitMs } from './pace.js';

/** `last`: so many of the newest. Undefined: nothing of what is kept. */
export type Beginning = { cursor: string } | { ms: number } | { last: number } | undefined;

export interface FollowLogOptions {
  prefix: string;
  company: string;
  beginning: Beginning;
  signal: AbortSignal;
  /** Awaited: who reads slowly is not run over. */
  onMessage: (message: Message) => Promise<void>;
  /** What is to be told beside the events. */
  onNote: (text: string) => Promise<void>;
  random: () => number;
}

/** For a connection, and for each answer, ms. */
const ANSWER_MS = 10_000;
/** Both connections are asked each so many ms: silence is found. */
const ASK_MS = 10_000;
/** One program that comes back is no storm: it waits so long the first time, ms. */
const RETRY_MS = 250;
/** Actions of one read. */
const PAGE = 100;
/** Doorbells that wait while a gap is read; beyond it they are dropped, and the log is read again. */
const MAX_WAITING = 10_000;

/** Before an ephemeral event that the app has sealed (`lib/redis/brokers/sealed.ts`). */
const SEALED = `${FORMAT}s\n`;

/** Trying again does not change them. */
const FINAL: ReadonlySet<NoRedisKind> = new Set(['password', 'no-redis', 'certificate', 'tls', 'database']);

interface Head {
  epoch: string;
  seq: number;
  /** Cursors of them count as ours up to their seq. */
  former: Map<string, number>;
}

export async function followLog(url: RedisUrl, options: FollowLogOptions): Promise<End> {
  const { signal, onNote, random } = options;
  const follower = new Follower(url, options);
  let failures = 0;
  for (;;) {
    let why: string;
    try {
      await follower.once();
      return undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (error instanceof Refused) return { why: error.message, refused: true };
      if (!(error instanceof NoRedis)) throw error;
      why = error.message;
      if (FINAL.has(error.kind)) return { why, refused: true };
    }
    failures = follower.live ? 0 : failures + 1;
    const ms = waitMs(failures, RETRY_MS, random);
    await onNote(`${why}; again in ${(ms / 1_000).toFixed(1)} s`);
    const wait = until(performance.now() + ms, signal);
    const reached = await wait.reached;
    wait.cancel();
    if (reached === 'stopped') return undefined;
  }
}

class Follower {
  readonly #url: RedisUrl;
  readonly #options: FollowLogOptions;
  readonly #keys: ReturnType<typeof keysOf>;
  #at: { epoch: string; seq: number } | undefined;
  #begun = false;
  readonly #told = new Set<string>();
  /** It got as far as the doorbell. */
  live = false;

  constructor(url: RedisUrl, options: FollowLogOptions) {
    this.#url = url;
    this.#options = options;
    this.#keys = keysOf(options.prefix, options.company);
  }

  /** Until it is stopped. @throws NoRedis, Refused */
  async once(): Promise<void> {
    this.live = false;
    const { signal } = this.#options;
    const client = await RedisClient.open(this.#url, ANSWER_MS);
    const ends: (() => void)[] = [() => client.close()];
    try {
      const ear = await client.another(this.#keys.head);
      ends.push(() => ear.close());
      const source = await client.ownerOf(this.#keys.head);
      const rung = new Rung();
      ear.onMessage = (_kind, _channel, payload) => rung.add(payload);
      ear.onEnd = source.onEnd = (why) => rung.end(why);
      const stop = (): void => rung.end(undefined);
      signal.addEventListener('abort', stop, { once: true });
      ends.push(() => signal.removeEventListener('abort', stop));
      const timer = setInterval(() => {
        for (const connection of [ear, source]) void connection.ask('PING').catch(() => undefined);
      }, ASK_MS);
      ends.push(() => clearInterval(timer));
      if (signal.aborted) return;
      await ear.command(this.#url.kind === 'cluster' ? 'SSUBSCRIBE' : 'SUBSCRIBE', this.#keys.doorbell);
      await this.#catchUp(source);
      this.live = true;
      for (;;) {
        const payload = await rung.next();
        if (payload === undefined || signal.aborted) return;
        await this.#hear(payload, source);
      }
    } finally {
      for (const end of ends) end();
    }
  }

  /** From what was shown last, or from the beginning that was asked for. */
  async #catchUp(source: RedisConnection): Promise<void> {
    const head = await this.#head(source);
    if (!head) {
      await this.#tellOnce('there is no log of this company yet');
      this.#begun = true;
      return;
    }
    if (!this.#begun) {
      this.#begun = true;
      await this.#begin(head, source);
    } else await this.#goOn(head, source);
  }

  async #begin(head: Head, source: RedisConnection): Promise<void> {
    const { beginning } = this.#options;
    this.#at = { epoch: head.epoch, seq: head.seq };
    if (beginning === undefined) return;
    if ('last' in beginning) await this.#show(head, Math.max(1, head.seq - beginning.last + 1), source);
    else if ('ms' in beginning) await this.#show(head, 1, source, beginning.ms);
    else {
      const dot = beginning.cursor.lastIndexOf('.');
      const [epoch, seq] = [beginning.cursor.slice(0, dot), Number(beginning.cursor.slice(dot + 1))];
      const last = epoch === head.epoch ? head.seq : head.former.get(epoch);
      if (last === undefined || seq > last) {
        await this.#resync(head, epoch === head.epoch ? 'ahead_of_log' : 'epoch_changed');
        await this.#show(head, 1, source);
      } else await this.#show(head, seq + 1, source);
    }
  }

  /** Where it was is compared with what the log says now. */
  async #goOn(head: Head, source: RedisConnection): Promise<void> {
    const at = this.#at ?? { epoch: head.epoch, seq: 0 };
    const last = at.epoch === head.epoch ? head.seq : head.former.get(at.epoch);
    if (last === undefined || at.seq > last) {
      this.#at = { epoch: head.epoch, seq: 0 };
      await this.#resync(head, 'epoch_changed');
      await this.#show(head, 1, source);
      return;
    }
    this.#at = { epoch: head.epoch, seq: at.seq };
    if (head.seq > at.seq) await this.#show(head, at.seq + 1, source);
  }

  /** What is kept from there on. `sinceMs`: of those, from the first on that is so young. */
  async #show(head: Head, from: number, source: RedisConnection, sinceMs = 0): Promise<void> {
    let next = from;
    let shown = sinceMs === 0;
    let first = true;
    for (;;) {
      const page = listIn(await source.command('XRANGE', this.#keys.log, `${next}-0`, '+', 'COUNT', PAGE));
      for (const entry of page) {
        const [id, fields] = listIn(entry);
        const seq = Number(textIn(id).split('-')[0]);
        const parts = fieldsOf(fields);
        const at = Number(textIn(parts.get('t')));
        if (first && seq > from && sinceMs === 0 && from > 1) await this.#resync(head, 'trimmed');
        first = false;
        shown ||= Math.max(at, Number(textIn(parts.get('s')))) >= sinceMs;
        if (shown) await this.#action(head.epoch, seq, at, parts.get('m'));
        this.#at = { epoch: head.epoch, seq };
        next = seq + 1;
        if (this.#options.signal.aborted) return;
      }
      if (page.length < PAGE) break;
    }
    if (first && from <= head.seq && from > 1 && sinceMs === 0) await this.#resync(head, 'trimmed');
    if ((this.#at?.seq ?? 0) < head.seq) this.#at = { epoch: head.epoch, seq: head.seq };
  }

  async #hear(payload: Buffer, source: RedisConnection): Promise<void> {
    const rung = readRung(payload);
    switch (rung.kind) {
      case 'action': {
        const { epoch, seq, at, bytes } = rung;
        if (this.#at?.epoch === epoch && seq <= this.#at.seq) return;
        if (this.#at?.epoch === epoch && seq === this.#at.seq + 1) {
          this.#at = { epoch, seq };
          await this.#action(epoch, seq, at, bytes);
        } else await this.#catchUp(source);
        return;
      }
      case 'begun':
        if (this.#at?.epoch !== rung.epoch) await this.#catchUp(source);
        return;
      case 'ephemeral':
        await this.#options.onMessage(messageOf(rung.json, undefined, Date.now()));
        return;
      case 'newer':
        await this.#tellOnce(payload.subarray(0, SEALED.length).toString() === SEALED ? 'what is said here of who is there is sealed: it is passed over' : 'a newer pathcast publishes here: its events are passed over');
        return;
      case 'foreign':
        await this.#tellOnce('somebody else publishes on this channel: it is passed over');
    }
  }

  async #action(epoch: string, seq: number, at: number, bytes: Reply | undefined): Promise<void> {
    const stored = Buffer.isBuffer(bytes) ? readStored(bytes) : undefined;
    if (!stored) await this.#tellOnce('what stands in this log is sealed by the app, or somebody else’s: its place alone can be shown');
    const json = stored ? `${stored.head}${seq}${stored.tail}` : JSON.stringify({ type: 'sealed', seq, timestamp: at, queryPaths: [] });
    await this.#options.onMessage(messageOf(json, `${epoch}.${seq}`, at));
  }

  /** As a browser hears it at this place. */
  async #resync({ epoch, seq }: Head, reason: string): Promise<void> {
    const now = Date.now();
    await this.#options.onMessage(messageOf(JSON.stringify({ type: 'resync', timestamp: now, queryPaths: ['*'], reason }), `${epoch}.${seq}`, now));
  }

  async #head(source: RedisConnection): Promise<Head | undefined> {
    const [format, epoch, seq, former] = listIn(await source.command('HMGET', this.#keys.head, 'format', 'epoch', 'seq', 'former')).map(textIn);
    if (format !== undefined && Number(format) > FORMAT) throw new Refused(`the log is of format ${Number(format)}, and this pathcast knows ${FORMAT}`);
    if (epoch === undefined || epoch === '') return undefined;
    const names = (former ?? '').split(' ').map((each) => each.split('.', 2) as [string, string]);
    return { epoch, seq: Number(seq), former: new Map(names.map(([name, last]) => [name, Number(last)])) };
  }

  async #tellOnce(text: string): Promise<void> {
    if (this.#told.has(text)) return;
    this.#told.add(text);
    await this.#options.onNote(text);
  }
}

/** What the doorbell rang, in order, for a reader that takes its time. */
class Rung {
  readonly #payloads: Buffer[] = [];
  #wake: (() => void) | undefined;
  #over: { why: NoRedis | undefined } | undefined;

  add(payload: Reply): void {
    if (!Buffer.isBuffer(payload)) return;
    // What is lost shows as a gap at the next one.
    if (this.#payloads.length < MAX_WAITING) this.#payloads.push(payload);
    this.#wake?.();
  }

  /** `undefined`: it was stopped. */
  end(why: NoRedis | undefined): void {
    this.#over ??= { why };
    this.#wake?.();
  }

  /** Undefined when it was stopped. @throws NoRedis */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const payload = this.#payloads.shift();
      if (payload) return payload;
      if (this.#over?.why) throw this.#over.why;
      if (this.#over) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

function fieldsOf(reply: Reply | undefined): Map<string, Reply> {
  const flat = listIn(reply);
  return new Map(Array.from({ length: flat.length >> 1 }, (_, n) => [textIn(flat[2 * n]), flat[2 * n + 1] ?? null]));
}

function messageOf(data: string, id: string | undefined, wallAt: number): Message {
  const { form, payload } = read(data);
  const type = typeof payload['type'] === 'string' ? payload['type'] : 'message';
  return { at: performance.now(), wallAt, event: 'message', id, retry: undefined, data, form, payload, type };
}
