/** `pathcast tail`: a stream in the terminal. */
import { numberOf, readArguments } from '../arguments.js';
import { CommandError } from '../errors.js';
import type { Message } from '../stream/messages.js';
import { targetOf } from '../stream/target.js';
import type { Streams } from '../streams.js';
import { coloursFor, wantsColours } from '../terminal/colours.js';
import { follow } from './follow.js';
import { jsonOf, lineOf } from './lines.js';

const OPTIONS = {
  url: { type: 'string' },
  header: { type: 'string', multiple: true },
  since: { type: 'string' },
  count: { type: 'string' },
  json: { type: 'boolean' },
  verbose: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const HELP = `Usage: pathcast tail --url URL [options]

Shows a stream, one line an event: time, type, module and paths, id. When the
stream is lost it comes back with the cursor of what came last, and shows the
verdict. Ctrl-C ends it.

  --url URL               the stream: http://localhost:3000/sync/stream, or a
                          tRPC subscription by its procedure,
                          http://localhost:3000/trpc/sync.onSync, with its
                          input, if it wants one, as ?input=%7B%7D
  --header 'NAME: VALUE'  sent along, as often as given; no value is printed
  --since POSITION        begins there: a cursor (an event's id), Unix ms, an
                          ISO date, or a time ago (30s, 5m, 2h)
  --count N               ends after N events; heartbeats are none
  --verbose               shows heartbeats, and what tRPC adds

  --json                  one JSON object a line: { time, event, id, data }
  -h, --help              this text

Exit: 0 it was ended by Ctrl-C, --count, or in order by the server, 1 the
  stream was refused, 2 the command line is wrong.
`;

/** @throws CommandError */
export async function tailCommand(argv: readonly string[], streams: Streams): Promise<number> {
  const { values } = readArguments(argv, OPTIONS, { positionals: false });
  const { stdout, stderr, env } = streams;
  if (values.help === true) {
    await stdout.print(HELP);
    return 0;
  }
  if (values.url === undefined) throw new CommandError('--url is missing: the address of a stream, such as http://localhost:3000/sync/stream');
  const target = targetOf(values.url, values.header);
  const since = values.since === undefined ? undefined : sinceOf(values.since, Date.now());
  let left = values.count === undefined ? Infinity : numberOf('--count', values.count, { min: 1, max: 1_000_000_000 });
  const json = values.json === true;
  const verbose = values.verbose === true;

  const own = new AbortController();
  const interrupted = streams.interrupted?.();
  interrupted?.addEventListener('abort', () => own.abort(), { once: true });
  if (interrupted?.aborted) own.abort();
  const colours = coloursFor(!json && wantsColours(stdout, env));

  const end = await follow(target, {
    since,
    signal: own.signal,
    random: Math.random,
    onMessage: async (message) => {
      if (isNoise(message) && !verbose) return;
      const line = json ? jsonOf(message) : lineOf(message, { columns: stdout.isTTY === true ? (stdout.columns ?? 80) : undefined, colours });
      await stdout.print(`${line}\n`);
      if (!isNoise(message)) left--;
      if (left <= 0 || stdout.gone === true) own.abort();
    },
    onAway: (why, ms) => stderr.print(`pathcast tail: ${target.quote(why)}; again in ${(ms / 1_000).toFixed(1)} s\n`),
  });
  if (end === undefined) return 0;
  await stderr.print(`pathcast tail: ${target.quote(end.why)}\n`);
  return end.refused ? 1 : 0;
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
