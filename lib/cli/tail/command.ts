/** `pathcast tail`: a stream in the terminal, or a company's log as it stands in Redis. */
import { numberOf, readArguments } from '../arguments.js';
import { CommandError } from '../errors.js';
import type { Message } from '../stream/messages.js';
import { quoteWithout, targetOf } from '../stream/target.js';
import type { Streams } from '../streams.js';
import { coloursFor, wantsColours } from '../terminal/colours.js';
import { secretsOf } from '../../redis/url.js';
import { DEFAULT_PREFIX, redisUrlOf } from '../redis/option.js';
import { followLog, type Beginning } from './company.js';
import { follow, type End } from './follow.js';
import { jsonOf, lineOf } from './lines.js';

const OPTIONS = {
  url: { type: 'string' },
  header: { type: 'string', multiple: true },
  redis: { type: 'string' },
  company: { type: 'string' },
  prefix: { type: 'string' },
  last: { type: 'string' },
  since: { type: 'string' },
  count: { type: 'string' },
  json: { type: 'boolean' },
  verbose: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const HELP = `Usage: pathcast tail --url URL [options]
       pathcast tail --redis URL --company ID [options]

Shows a stream, one line an event: time, type, module and paths, id. When the
stream is lost it comes back with the cursor of what came last, and shows the
verdict. With --redis it shows what all nodes publish for a company, as it
stands in Redis; it reads alone. Ctrl-C ends it.

  --url URL               the stream: http://localhost:3000/sync/stream, or a
                          tRPC subscription by its procedure,
                          http://localhost:3000/trpc/sync.onSync, with its
                          input, if it wants one, as ?input=%7B%7D
  --header 'NAME: VALUE'  sent along, as often as given; no value is printed
  --redis URL             redis://user:password@host:6379/0, rediss://,
                          redis+unix://, redis+sentinel://host:26379/master,
                          redis+cluster://. No password is printed
  --company ID            whose log; with --redis
  --prefix NAME           of the keys, where the hub has another than pathcast
  --last N                begins N actions before the newest; with --redis

  --since POSITION        begins there: a cursor (an event's id), Unix ms, an
                          ISO date, or a time ago (30s, 5m, 2h)
  --count N               ends after N events; heartbeats are none
  --verbose               shows heartbeats, and what tRPC adds

  --json                  one JSON object a line: { time, event, id, data }
  -h, --help              this text

Exit: 0 it was ended by Ctrl-C, --count, or in order by the server, 1 the
  stream or the connection was refused, 2 the command line is wrong.
`;

/** @throws CommandError */
export async function tailCommand(argv: readonly string[], streams: Streams): Promise<number> {
  const { values } = readArguments(argv, OPTIONS, { positionals: false });
  const { stdout, stderr, env } = streams;
  if (values.help === true) {
    await stdout.print(HELP);
    return 0;
  }
  const since = values.since === undefined ? undefined : sinceOf(values.since, Date.now());
  let left = values.count === undefined ? Infinity : numberOf('--count', values.count, { min: 1, max: 1_000_000_000 });
  const json = values.json === true;
  const verbose = values.verbose === true;
  const source = sourceOf(values, since);

  const own = new AbortController();
  const interrupted = streams.interrupted?.();
  interrupted?.addEventListener('abort', () => own.abort(), { once: true });
  if (interrupted?.aborted) own.abort();
  const colours = coloursFor(!json && wantsColours(stdout, env));

  const tell = (text: string): Promise<void> => stderr.print(`pathcast tail: ${source.quote(text)}\n`);
  const end = await source.follow({
    signal: own.signal,
    random: Math.random,
    onMessage: async (message) => {
      if (own.signal.aborted || (isNoise(message) && !verbose)) return;
      const line = json ? jsonOf(message) : lineOf(message, { columns: stdout.isTTY === true ? (stdout.columns ?? 80) : undefined, colours });
      await stdout.print(`${line}\n`);
      if (!isNoise(message)) left--;
      if (left <= 0 || stdout.gone === true) own.abort();
    },
    onNote: tell,
  });
  if (end === undefined) return 0;
  await tell(end.why);
  return end.refused ? 1 : 0;
}

interface Values {
  url?: string;
  header?: string[];
  redis?: string;
  company?: string;
  prefix?: string;
  last?: string;
}

interface Listener {
  signal: AbortSignal;
  random: () => number;
  onMessage: (message: Message) => Promise<void>;
  onNote: (text: string) => Promise<void>;
}

interface Source {
  quote: (text: string) => string;
  follow: (listener: Listener) => Promise<End>;
}

/** @throws CommandError */
function sourceOf(values: Values, since: string | undefined): Source {
  const { url, header, redis, company } = values;
  if (url !== undefined && redis !== undefined) throw new CommandError('--url shows a stream, --redis a log: give one of them');
  if (redis !== undefined) return logOf(redis, values, since);
  const without = (['company', 'prefix', 'last'] as const).find((name) => values[name] !== undefined);
  if (without !== undefined) throw new CommandError(`--${without} is about a log in Redis: it needs --redis${company === undefined ? ' and --company' : ''}`);
  if (url === undefined) {
    throw new CommandError('--url is missing: the address of a stream, such as http://localhost:3000/sync/stream; or --redis and --company for a log in Redis');
  }
  const target = targetOf(url, header);
  return {
    quote: (text) => text,
    follow: ({ onNote, ...listener }) =>
      follow(target, {
        ...listener,
        since,
        onAway: (why, ms) => onNote(`${target.quote(why)}; again in ${(ms / 1_000).toFixed(1)} s`),
      }).then((end) => end && { ...end, why: target.quote(end.why) }),
  };
}

/** @throws CommandError */
function logOf(redis: string, { header, company, prefix = DEFAULT_PREFIX, last }: Values, since: string | undefined): Source {
  const url = redisUrlOf(redis);
  if (header !== undefined) throw new CommandError('--header is about a stream: it needs --url');
  if (company === undefined) throw new CommandError('--company is missing: whose log of this Redis');
  if (last !== undefined && since !== undefined) throw new CommandError('--since and --last both say where to begin: give one of them');
  const beginning: Beginning =
    last !== undefined
      ? { last: numberOf('--last', last, { min: 1, max: 1_000_000 }) }
      : since === undefined
        ? undefined
        : since.includes('.')
          ? { cursor: since }
          : { ms: Number(since) };
  return { quote: quoteWithout(secretsOf(url)), follow: (listener) => followLog(url, { ...listener, prefix, company, beginning }) };
}

/** What no person waits for. */
function isNoise({ event, type }: Message): boolean {
  return type === 'ping' || event === 'connected' || event === 'return';
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** As the server takes it: a cursor, or Unix ms. @throws CommandError */
export function sinceOf(text: string, now: number): string {
  if (/^[0-9a-z]{1,32}\.\d{1,16}$/.test(text) || /^\d{1,16}$/.test(text)) return text;
  const [, count = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (count !== '') return String(Math.max(0, now - Number(count) * (UNITS[unit] ?? 0)));
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (time >= 0) return String(time);
  throw new CommandError(
    `--since must be a cursor (an event's id), Unix ms, an ISO date or a time ago (30s, 5m, 2h), got ${JSON.stringify(text)}`,
  );
}
