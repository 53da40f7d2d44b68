/**
 * Whom the hubs were told to end stands in Redis as long as a stream of then may live: a node that did not hear of it reads it when it
 * hears again. It may end streams that have come back since, which then come back once more; it never leaves one that was to end.
 */
import type { BrokerReply } from '../../internal/broker.js';
import type { DisconnectMatch } from '../../internal/engine.js';
import { CLOSE_REASONS, type CloseReason } from '../../protocol/events.js';
import { endsKey } from '../keys.js';
import type { Life } from './life.js';

export interface End {
  readonly match: Pick<DisconnectMatch, 'companyId' | 'userId' | 'connectionId'>;
  readonly reason: CloseReason;
}

/** ms; entries of nodes whose clocks differ, or that were written while others were read, are read twice. */
const OVERLAP_MS = 10_000;
const MAX_ENTRIES = 100_000;
const PAGE = 500;
/** Ends that wait for Redis; beyond it the oldest are given up. */
const MAX_WAITING = 1_000;
/** Entries that are known to have been carried out. */
const REMEMBERED = 2_000;

export class Ends {
  readonly #life: Life;
  readonly #carryOut: (end: End) => void;
  readonly #tell: (end: End, id: string) => void;
  readonly #livesMs: number;
  readonly #known = new Set<string>();
  readonly #waiting: End[] = [];
  /** Of the newest entry that was read; '': none yet, and nothing older is any stream's here. */
  #newest = '';
  /** What was said while nothing was heard could not be read yet. */
  #behind = false;

  /** `livesMs`: how long a stream may live. `tell`: the other nodes, of one that has waited for Redis. */
  constructor(life: Life, livesMs: number, { carryOut, tell }: { carryOut: (end: End) => void; tell: (end: End, id: string) => void }) {
    this.#life = life;
    this.#livesMs = livesMs;
    this.#carryOut = carryOut;
    this.#tell = tell;
    life.hold({
      keys: () => [],
      fenced: () => undefined,
      restore: () => {
        if (this.#behind || this.#waiting.length > 0) void this.subscribed(true);
      },
    });
  }

  /** Writes it down; when Redis is away, later. Resolves to its id there. Never rejects. */
  async add(end: End): Promise<string | undefined> {
    const { broker, prefix } = this.#life;
    const key = endsKey(prefix);
    try {
      const written = broker.command(['XADD', key, 'MAXLEN', '~', MAX_ENTRIES, '*', 'm', JSON.stringify(end)]);
      const id = String(await this.#life.patiently(written));
      this.note(id);
      await broker.command(['PEXPIRE', key, this.#livesMs]);
      await broker.command(['XTRIM', key, 'MINID', '~', String(Math.max(0, Number(id.split('-')[0]) - this.#livesMs))]);
      return id;
    } catch {
      this.#waiting.push(end);
      if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
      return undefined;
    }
  }

  /** It was carried out here. */
  note(id: string): void {
    this.#known.add(id);
    if (later(id, this.#newest)) this.#newest = id;
    for (const oldest of this.#known) {
      if (this.#known.size <= REMEMBERED) break;
      this.#known.delete(oldest);
    }
  }

  /** The channels stand. `anew`: what was said meanwhile was not heard. */
  async subscribed(anew: boolean): Promise<void> {
    this.#behind = false;
    const key = endsKey(this.#life.prefix);
    try {
      if (!anew || this.#newest === '') {
        const [last] = entries(await this.#life.broker.command(['XREVRANGE', key, '+', '-', 'COUNT', 1]));
        this.#newest ||= last?.[0] ?? '0-0';
      }
      if (!anew) return;
      const from = Math.max(0, Number(this.#newest.split('-')[0]) - OVERLAP_MS);
      for (let start = `${String(from)}-0`; ; ) {
        const page = entries(await this.#life.broker.command(['XRANGE', key, start, '+', 'COUNT', PAGE]));
        for (const [id, end] of page) {
          if (this.#known.has(id)) continue;
          this.note(id);
          if (end) this.#carryOut(end);
        }
        if (page.length < PAGE) break;
        start = `(${page.at(-1)?.[0] ?? ''}`;
      }
    } catch {
      // Channels may stand before commands do: it is looked for again when they do.
      this.#behind = anew;
      return;
    }
    for (const end of this.#waiting.splice(0)) {
      const id = await this.add(end);
      if (id !== undefined) this.#tell(end, id);
    }
  }
}

/** Of ids of Redis's streams. */
function later(id: string, other: string): boolean {
  const [ms = 0, count = 0] = id.split('-').map(Number);
  const [otherMs = 0, otherCount = 0] = other.split('-').map(Number);
  return ms > otherMs || (ms === otherMs && count > otherCount);
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
