/**
 * Whom the hubs were told to end stands in Redis as long as a stream of then may live: a node that did not hear of it reads it when it
 * hears again, before its streams hear anything (`BrokerLogOptions.revocations`). One that it missed may end
 * streams that have come back since; it never leaves one that was to end, and carries out none twice.
 */
import { BrokerError, type BrokerReply } from '../../internal/broker.js';
import type { DisconnectMatch } from '../../internal/engine.js';
import { CLOSE_REASONS, type CloseReason } from '../../protocol/events.js';
import { endsKey } from '../keys.js';
import { texts, type Life } from './life.js';

export interface End {
  readonly match: Pick<DisconnectMatch, 'companyId' | 'userId' | 'connectionId'>;
  readonly reason: CloseReason;
}

/** ms; a node that has just begun reads so much from before its beginning: an age and a clock are no more exact. */
const OVERLAP_MS = 10_000;
const MAX_ENTRIES = 100_000;
const PAGE = 500;
/** Ends that wait for Redis; beyond it the oldest are given up. */
const MAX_WAITING = 1_000;
/** Entries that are known to have been carried out: all that stand in Redis, which trims a hundred later. One that is forgotten and read again would end who came back since. */
const REMEMBERED = MAX_ENTRIES + 1_000;

export interface EndsHost {
  readonly carryOut: (end: End) => void;
  /** The other nodes, of one that has waited for Redis. */
  readonly tell: (end: End, id: string) => void;
  /** One does not stand in Redis: a node that is cut off now will not hear of it. */
  readonly unwritten: (why: string) => void;
}

export class Ends {
  readonly #life: Life;
  readonly #carryOut: (end: End) => void;
  readonly #tell: (end: End, id: string) => void;
  readonly #unwritten: (why: string) => void;
  readonly #livesMs: number;
  readonly #known = new Set<string>();
  readonly #waiting: End[] = [];
  /** Written, and told to nobody. */
  readonly #untold: { readonly end: End; readonly id: string }[] = [];
  readonly #bornMs = performance.now();
  /** The entry up to which all is known; '': none stood there. Undefined: nothing was read yet. No clock says what comes behind it. */
  #upTo: string | undefined;
  /** What was said while nothing was heard could not be read yet. */
  #behind = false;

  /** `livesMs`: how long a stream may live. */
  constructor(life: Life, livesMs: number, { carryOut, tell, unwritten }: EndsHost) {
    this.#life = life;
    this.#livesMs = livesMs;
    this.#carryOut = carryOut;
    this.#tell = tell;
    this.#unwritten = unwritten;
    life.hold({
      keys: () => [],
      fenced: () => undefined,
      restore: () => {
        if (this.#behind || this.#waiting.length > 0 || this.#untold.length > 0) void this.subscribed();
      },
    });
    // What a node wrote and could tell nobody of.
    life.onRenewal(() => void this.subscribed());
  }

  /** Writes it down; when Redis is away, later. Resolves to its id there. Never rejects. */
  async add(end: End): Promise<string | undefined> {
    const { broker, prefix } = this.#life;
    const key = endsKey(prefix);
    try {
      const written = broker.command(['XADD', key, 'MAXLEN', '~', MAX_ENTRIES, '*', 'm', JSON.stringify(end)]);
      const id = String(await this.#life.patiently(written));
      this.#remember(id);
      await broker.command(['PEXPIRE', key, this.#livesMs]);
      await broker.command(['XTRIM', key, 'MINID', '~', String(Math.max(0, Number(id.split('-')[0]) - this.#livesMs))]);
      return id;
    } catch (thrown) {
      this.#waiting.push(end);
      if (thrown instanceof BrokerError && thrown.failure === 'refused') this.#unwritten(thrown.message);
      if (this.#waiting.length <= MAX_WAITING) return undefined;
      this.#waiting.shift();
      this.#unwritten(`more than ${String(MAX_WAITING)} of them wait for Redis, and the oldest are given up`);
      return undefined;
    }
  }

  /** It stands in Redis, and nobody could be told. */
  untold(end: End, id: string): void {
    this.#untold.push({ end, id });
    if (this.#untold.length > MAX_WAITING) this.#untold.shift();
  }

  /** It came by the channel, and is carried out here. What was written before it is still to be read. */
  heard(id: string): void {
    this.#remember(id);
  }

  #remember(id: string): void {
    this.#known.add(id);
    for (const oldest of this.#known) {
      if (this.#known.size <= REMEMBERED) break;
      this.#known.delete(oldest);
    }
  }

  /** The channels stand: what was said while they did not was not heard. Never rejects. */
  async subscribed(): Promise<void> {
    try {
      await this.read();
    } catch {
      // Channels may stand before commands do: it is looked for again when they do.
      this.#behind = true;
    }
  }

  /** Carries out what was written since this node last knew all of it. Rejects where that cannot be read. */
  async read(): Promise<void> {
    const { broker, prefix } = this.#life;
    const ask = async (...args: readonly (string | number)[]): Promise<BrokerReply> => this.#life.patiently(broker.command(args));
    const page = async (from: string): Promise<[id: string, end: End | undefined][]> =>
      entries(await ask('XRANGE', endsKey(prefix), from, '+', 'COUNT', PAGE));
    const known = this.#upTo;
    const since = known === undefined ? await this.#birth(ask) : 0;
    let upTo = known ?? '';
    let found = await page(upTo || '-');
    // It is gone: trimmed with all before it, or this is another Redis, whose clock may be any.
    if (known && found[0]?.[0] !== known) found = await page('-');
    for (;;) {
      for (const [id, end] of found) {
        upTo = id;
        if (id === known || this.#known.has(id)) continue;
        this.#remember(id);
        if (end && parseInt(id) >= since) this.#carryOut(end);
      }
      if (found.length < PAGE) break;
      found = await page(`(${upTo}`);
    }
    this.#upTo = upTo;
    this.#behind = false;
    void this.#sendWaiting();
  }

  /** When this node began, ms of Redis's clock: no stream of it is older. */
  async #birth(ask: (command: string) => Promise<BrokerReply>): Promise<number> {
    const ageMs = performance.now() - this.#bornMs;
    const [seconds = 0, micros = 0] = texts(await ask('TIME')).map(Number);
    return Math.max(0, Math.floor(seconds * 1_000 + micros / 1_000 - ageMs - OVERLAP_MS));
  }

  async #sendWaiting(): Promise<void> {
    for (const { end, id } of this.#untold.splice(0)) this.#tell(end, id);
    for (const end of this.#waiting.splice(0)) {
      const id = await this.add(end);
      if (id !== undefined) this.#tell(end, id);
    }
  }
}

function entries(reply: BrokerReply): [id: string, end: End | undefined][] {
  if (!Array.isArray(reply)) return [];
  return (reply as BrokerReply[]).map((entry) => {
    const [id, fields] = entry as [Buffer, Buffer[]];
    return [String(id), endOf(String(fields[1]))];
  });
}

/** Undefined: somebody else wrote it, or a newer node. */
export function endOf(value: unknown): End | undefined {
  let end: Partial<End> | null;
  try {
    end = (typeof value === 'string' ? JSON.parse(value) : value) as Partial<End> | null;
  } catch {
    return undefined;
  }
  const { match, reason } = end ?? {};
  if (typeof match !== 'object' || match === null || !CLOSE_REASONS.includes(reason as CloseReason)) return undefined;
  const parts = Object.entries(match);
  const fits = parts.every(([name, part]) => ['companyId', 'userId', 'connectionId'].includes(name) && typeof part === 'string' && part !== '');
  return fits && parts.length > 0 ? { match, reason: reason as CloseReason } : undefined;
}
