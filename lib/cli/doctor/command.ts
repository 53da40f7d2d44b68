/** `pathcast doctor`: options in, findings out, and the exit code. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { numberOf, readArguments } from '../arguments.js';
import type { RedisUrl } from '../../redis/url.js';
import { CommandError } from '../errors.js';
import { DEFAULT_PREFIX, redisUrlOf } from '../redis/option.js';
import { targetOf, type Target } from '../stream/target.js';
import type { Streams } from '../streams.js';
import { coloursFor, wantsColours } from '../terminal/colours.js';
import { judgeLive, seconds } from './live.js';
import { judgeMachine, lookAtMachine } from './machine.js';
import { toText } from './output.js';
import { judgePhantoms } from './phantoms.js';
import { judgeProject } from './project.js';
import { judgePostgres, postgresUrlOf, type PostgresUrl } from './postgres/index.js';
import { judgeRedis } from './redis/index.js';
import { Visit } from './report.js';

const OPTIONS = {
  url: { type: 'string' },
  header: { type: 'string', multiple: true },
  origin: { type: 'string' },
  idle: { type: 'string' },
  redis: { type: 'string' },
  prefix: { type: 'string' },
  postgres: { type: 'string' },
  publication: { type: 'string' },
  slot: { type: 'string' },
  timeout: { type: 'string' },
  project: { type: 'string' },
  router: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const HELP = `Usage: pathcast doctor [options]

Checks a set-up: this machine, the project in the current folder, with --url
a live stream on its way from the server to a browser, with --redis what
orders the log of several nodes, and with --postgres what a CDC worker reads.
Each finding has an id, a severity, a sentence what it is, and a remedy.

  --url URL               opens the stream at URL as a browser does:
                          http://localhost:3000/sync/stream, or a tRPC
                          subscription, http://localhost:3000/trpc/sync.onSync
  --header 'NAME: VALUE'  sent along, as often as given; no value is printed
  --origin ORIGIN         of the page that will ask: checks CORS
  --idle SECONDS          watches the stream so long; 0: not at all. Default:
                          until two heartbeats came, at most 40
  --redis URL             redis://user:password@host:6379/0, rediss://,
                          redis+unix://, redis+sentinel://host:26379/master,
                          redis+cluster://. No password is printed. What a
                          node does is tried on keys of nobody's company,
                          which are taken away again
  --prefix NAME           of the keys, where the hub has another than pathcast
  --postgres URL          postgresql://user:password@host:5432/database, as the
                          worker has it. No password is printed, nothing is
                          written
  --publication NAME, --slot NAME
                          of the worker, where they are not pathcast

  --timeout SECONDS       for a connection, the head of the answer, the first
                          event, each answer of Redis and PostgreSQL; default 10

  --project FOLDER        the project; the current folder
  --router FILE[#NAME]    its root router, where it is not found by itself

  --json                  { "findings": [{ id, severity, what, remedy }],
                          "checked": […], "notChecked": […] }
  -h, --help              this text

Exit: 0 no finding is an error, 1 one is, 2 the command line is wrong.
`;

/** An hour; a stream that lives longer tells no more. */
const MAX_SECONDS = 3_600;

/** @throws CommandError */
export async function doctorCommand(argv: readonly string[], streams: Streams): Promise<number> {
  const { values } = readArguments(argv, OPTIONS, { positionals: false });
  const { stdout, stderr, env, version } = streams;
  if (values.help === true) {
    await stdout.print(HELP);
    return 0;
  }
  const target = targetIn(values);
  const redis = redisIn(values);
  const postgres = postgresIn(values);
  const idle = values.idle === undefined ? undefined : numberOf('--idle', values.idle, { min: 0, max: MAX_SECONDS });
  const timeout = numberOf('--timeout', values.timeout ?? '10', { min: 1, max: MAX_SECONDS });
  const project = folderOf(values.project);
  const visit = new Visit();
  const manifest = readManifest();

  judgeMachine(await lookAtMachine(manifest.engines), visit);
  if (judgeProject(project, { root: packageRoot(), version }, visit)) await judgePhantoms(project, values.router, visit);
  else {
    const why = existsSync(path.join(project, 'package.json'))
      ? 'package.json is there, and no JSON object could be read from it.'
      : 'there is no package.json in this folder (--project FOLDER).';
    visit.notChecked(`The project and its query paths: ${why}`);
  }
  if (target) {
    const watching = stderr.isTTY === true;
    await judgeLive(
      target,
      {
        timeoutMs: timeout * 1_000,
        idleMs: idle === undefined ? undefined : idle * 1_000,
        origin: values.origin,
        onWait: (ms) => {
          if (watching && ms > 0) void stderr.print(`\r\u001b[2Kwatching the stream for up to ${seconds(ms)} …`);
        },
      },
      visit,
    );
    if (watching) await stderr.print('\r\u001b[2K');
  } else visit.notChecked('A live stream: --url http://localhost:3000/sync/stream.');

  if (redis) await judgeRedis(redis, { prefix: values.prefix ?? DEFAULT_PREFIX, timeoutMs: timeout * 1_000 }, visit);

  if (postgres) {
    const { publication = 'pathcast', slot = 'pathcast' } = values;
    await judgePostgres(postgres, { publication, slot, timeoutMs: timeout * 1_000 }, visit);
  }

  const report = visit.report();
  if (values.json === true) await stdout.print(`${JSON.stringify(report, undefined, 2)}\n`);
  else await stdout.print(toText(report, stdout.columns ?? 80, coloursFor(wantsColours(stdout, env))));
  return report.findings.some(({ severity }) => severity === 'error') ? 1 : 0;
}

function targetIn(values: { url?: string; redis?: string; postgres?: string; header?: string[]; origin?: string; idle?: string; timeout?: string }): Target | undefined {
  if (values.url !== undefined) return targetOf(values.url, values.header);
  const without = (['header', 'origin', 'idle'] as const).find((name) => values[name] !== undefined);
  if (without !== undefined) throw new CommandError(`--${without} is about a live stream: it needs --url`);
  if (values.timeout !== undefined && values.redis === undefined && values.postgres === undefined) {
    throw new CommandError('--timeout is about a live stream, a Redis or a PostgreSQL: it needs --url or --redis or --postgres');
  }
  return undefined;
}

function redisIn({ redis, prefix }: { redis?: string; prefix?: string }): RedisUrl | undefined {
  if (redis !== undefined) return redisUrlOf(redis);
  if (prefix !== undefined) throw new CommandError('--prefix is about the keys of a Redis: it needs --redis');
  return undefined;
}

function postgresIn(values: { postgres?: string; publication?: string; slot?: string }): PostgresUrl | undefined {
  if (values.postgres !== undefined) return postgresUrlOf(values.postgres);
  const without = (['publication', 'slot'] as const).find((name) => values[name] !== undefined);
  if (without !== undefined) throw new CommandError(`--${without} is about a PostgreSQL: it needs --postgres`);
  return undefined;
}

function folderOf(given: string | undefined): string {
  const folder = path.resolve(given ?? '.');
  if (given !== undefined && !(existsSync(folder) && statSync(folder).isDirectory())) {
    throw new CommandError(`--project: there is no folder ${given}`);
  }
  return folder;
}

/** In the package this is dist/esm/cli/doctor/command.js. */
function packageRoot(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json')) && path.dirname(folder) !== folder) folder = path.dirname(folder);
  return folder;
}

function readManifest(): { engines: string } {
  const { engines } = JSON.parse(readFileSync(path.join(packageRoot(), 'package.json'), 'utf8')) as { engines?: { node?: string } };
  return { engines: engines?.node ?? '' };
}
