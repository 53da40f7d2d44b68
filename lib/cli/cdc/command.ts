/** `pathcast cdc`: the CDC worker as a process of its own. */
import { messageOf } from '../../internal/describe.js';
import { isPathcastError } from '../../protocol/error.js';
import { createCdc, type Cdc, type CdcOptions } from '../../postgres/index.js';
import type { HubLogger } from '../../server/results.js';
import { readArguments } from '../arguments.js';
import { CommandError } from '../errors.js';
import type { Streams } from '../streams.js';
import { readWorkerConfig } from './config.js';
import { placeOf, serveMetrics } from './metrics.js';

const OPTIONS = {
  config: { type: 'string' },
  metrics: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const HELP = `Usage: pathcast cdc --config FILE [options]

Tells the hubs that share a Redis of what is committed in PostgreSQL, whoever
wrote it. Runs until it is interrupted; as many may run as are wanted, of which
one reads and the others wait. Says each state on a line.

  --config FILE   JSON, or a module with a default export:
                  { connection, redis, map, slot, publication }, as createCdc()
                  and createHub() take them; a module may give a hub in the
                  place of redis. docs/postgres.md shows one
  --metrics [HOST:]PORT
                  serves /metrics there for Prometheus: the worker's state, how
                  far it is behind, and how it stands with its slot. HOST is
                  127.0.0.1; 0.0.0.0 is for all who reach it
  -h, --help      this text

Exit: 0 it was interrupted, 1 PostgreSQL or the map has to be mended first
  (the SQL for it is printed), 2 the command line or the file is wrong.
`;

/** Of a hub that is the command's own, ms. */
const FLUSH_MS = 5_000;

/** @throws CommandError */
export async function cdcCommand(argv: readonly string[], { stdout, stderr, interrupted }: Streams): Promise<number> {
  const { values } = readArguments(argv, OPTIONS, { positionals: false });
  if (values.help === true) {
    await stdout.print(HELP);
    return 0;
  }
  if (values.config === undefined) throw new CommandError('--config FILE is missing: pathcast cdc --help tells what stands in it');
  const place = values.metrics === undefined ? undefined : placeOf(values.metrics);
  const complain = (_about: object, text: string): void => void stderr.print(`${text}\n`).catch(() => undefined);
  const logger: HubLogger = { warn: complain, error: complain };
  const { hub, isOwn, options } = await readWorkerConfig(values.config, logger);
  const stop = interrupted?.() ?? new AbortController().signal;
  // Nothing of the worker's keeps a process alive while PostgreSQL is away.
  const alive = setInterval(() => undefined, 60_000);
  const print = (line: string): Promise<void> => stdout.print(`${new Date().toISOString()} ${line}\n`);
  let cdc: Cdc | undefined;
  let metrics: Awaited<ReturnType<typeof serveMetrics>> | undefined;
  try {
    cdc = workerOf({ ...options, hub } as CdcOptions);
    metrics = place && (await serveMetrics(place, cdc));
    if (metrics) await print(`metrics: ${metrics.url}`);
    return await followed(cdc, stop, print);
  } catch (error) {
    if (!isPathcastError(error)) throw error;
    await stderr.print(`pathcast cdc: ${error.message}\n`);
    return 1;
  } finally {
    clearInterval(alive);
    metrics?.close();
    await cdc?.close();
    if (isOwn) await hub.close({ flushMs: FLUSH_MS });
  }
}

function workerOf(options: CdcOptions): Cdc {
  try {
    return createCdc(options);
  } catch (error) {
    throw new CommandError(messageOf(error), { cause: error });
  }
}

/** Resolves to the exit code when it is to stop. Rejects with what `start` finds. */
async function followed(cdc: Cdc, stop: AbortSignal, print: (line: string) => Promise<void>): Promise<number> {
  const say = (line: string): void => void print(line).catch(() => undefined);
  cdc.on('state', ({ state, reason }) => say(reason === undefined ? state : `${state}: ${reason}`));
  cdc.on('resync', ({ reason, companies }) => say(`resync of ${String(companies)} companies: ${reason}`));
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener('abort', () => resolve(), { once: true });
  });
  // What `start` waits for ends with the worker.
  await Promise.race([cdc.start(), stopped]);
  await stopped;
  return 0;
}
