/** Kinds of columns: what they hold, how a client may write it, and what the app's input parser makes of that. */
import type { Random } from '../../support/random.js';

/** As the app has it. */
export type Value = string | number | boolean | bigint | Date | null;
/** As the database has it. */
export type Stored = string | number | null;

export interface Kind {
  readonly name: string;
  /** The parser makes the same of what SPEC §19 takes for different: such a key is no key of a `where`. */
  readonly lossy?: boolean;
  make(random: Random): Value;
  /** As a client may write it. */
  write(value: Value, random: Random): unknown;
  /** What the parser of the input makes of it. */
  parse(raw: unknown): Value;
}

const TEXTS = ['Ada', 'bob', 'Straße', 'STRASSE', 'ısı', 'ISI', 'İz', 'Σάς', 'ﬁn', 'fin', '5', '05', '1e3', '2026-03-01', '2026-03-09T10:00:00Z', '', 'true', 'a b', "o'neil \"q\"", '__proto__', '\u2028', 'x'.repeat(130)];
const NUMBERS = [0, 1, -1, 2.5, 10, 255, 1e21, 0.1, 5];
const BIGS = [1n, 42n, 2n ** 64n, 2n ** 64n + 1n, -7n];
/** Some within a day of each other, some far apart. */
const TIMES = ['2026-03-01T00:00:00.000Z', '2026-03-01T23:30:00.000Z', '2026-03-02T01:00:00.000Z', '2026-03-09T10:00:00.000Z', '2025-12-31T12:00:00.000Z', '1999-01-01T00:00:00.000Z'];
const OFFSETS = [0, 14, -11, 5.5];

const offsetText = (time: Date, hours: number): string => {
  const local = new Date(time.getTime() + hours * 3_600_000).toISOString().slice(0, -1);
  const minutes = Math.abs(hours * 60);
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  return `${local}${hours < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
};

function folded(name: string, fold: (text: string) => string): Kind {
  const parse = (raw: unknown): string => fold(String(raw).normalize('NFKC').trim());
  return {
    name,
    parse,
    make: (random) => parse(random.pick(TEXTS)),
    write(value, random) {
      const ways = [String(value), String(value).toUpperCase(), String(value).toLowerCase(), ` ${String(value)}\n`, String(value).normalize('NFD')];
      // Not every other case is the same to this parser.
      const way = random.pick(ways);
      return parse(way) === value ? way : value;
    },
  };
}

function numbers(name: string, of: readonly number[], parse: (raw: unknown) => number, lossy = false): Kind {
  return {
    name,
    lossy,
    parse,
    make: (random) => parse(random.pick(of)),
    write(value, random) {
      const n = value as number;
      const ways: unknown[] = [n, n, String(n), ` ${n} `, `${n}`.includes('e') ? n : `${n}e0`];
      if (Number.isInteger(n) && n >= 0 && n < 1e6) ways.push(`0${n}`, `${n}.0`, `+${n}`, `0x${n.toString(16)}`);
      if (lossy) ways.push(n + (n < 0 ? -0.4 : 0.4), String(n + (n < 0 ? -0.25 : 0.25)));
      return random.pick(ways);
    },
  };
}

const timeOf = (raw: unknown): Date => new Date(raw as string | number | Date);

export const KINDS = {
  text: { name: 'text', make: ({ pick }) => pick(TEXTS), write: (value) => value, parse: (raw) => String(raw) },
  lower: folded('lower', (text) => text.toLowerCase()),
  upper: folded('upper', (text) => text.toUpperCase()),
  folded: folded('folded', (text) => text.toUpperCase().toLowerCase()),
  number: numbers('number', NUMBERS, Number),
  /** Rounds. */
  whole: numbers('whole', NUMBERS, (raw) => Math.trunc(Number(raw)), true),
  /** Few values, so that rows meet. */
  slug: {
    name: 'slug',
    lossy: true,
    make: ({ pick }) => pick(['a-b', 'c', 'd-e']),
    write: (value, { pick }) => pick([value, String(value).replace('-', ' '), `${String(value)}!`]),
    parse: (raw) => String(raw).replace(/\W+/g, '-').replace(/-$/, ''),
  },
  bool: {
    name: 'bool',
    make: ({ chance }) => chance(0.5),
    write: (value, { pick }) => pick([value, value, String(value), ` ${String(value).toUpperCase()} `, Number(value)]),
    parse: (raw) => (typeof raw === 'boolean' ? raw : raw === 1 || String(raw).trim().toLowerCase() === 'true'),
  },
  time: {
    name: 'time',
    make: ({ pick }) => new Date(pick(TIMES)),
    write(value, { pick }) {
      const time = value as Date;
      return pick<unknown>([time, time.toISOString(), time.getTime(), offsetText(time, pick(OFFSETS))]);
    },
    parse: timeOf,
  },
  day: {
    name: 'day',
    make: ({ pick }) => pick(TIMES).slice(0, 10),
    write(value, random) {
      const time = new Date(`${String(value)}T00:00:00Z`);
      time.setUTCHours(random.below(24));
      return random.pick<unknown>([value, time, time.toISOString(), offsetText(time, random.pick(OFFSETS))]);
    },
    parse: (raw) => timeOf(raw).toISOString().slice(0, 10),
  },
  big: {
    name: 'big',
    make: ({ pick }) => pick(BIGS),
    write(value, { pick }) {
      const n = value as bigint;
      const ways: unknown[] = [n, String(n), ` ${n} `];
      if (n >= 0n) ways.push(`00${n}`, `0x${n.toString(16)}`);
      if (n < 1_000n) ways.push(Number(n));
      return pick(ways);
    },
    parse: (raw) => BigInt(typeof raw === 'string' ? raw.trim() : (raw as bigint | number)),
  },
} satisfies Record<string, Kind>;

export function stored(value: Value): Stored {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'bigint') return String(value);
  return value instanceof Date ? value.toISOString() : value;
}

export function loaded(kind: Kind, value: Stored): Value {
  if (value === null) return null;
  if (kind.name === 'bool') return value === 1;
  if (kind.name === 'big') return BigInt(value);
  return kind.name === 'time' ? new Date(value) : value;
}
