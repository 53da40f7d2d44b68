/** What `pathcast init` takes. */
import { readArguments } from '../arguments.js';
import { CommandError } from '../errors.js';
import { chosen, DATA, FRAMEWORKS, type Data, type Framework } from './choices.js';

const OPTIONS = {
  framework: { type: 'string' },
  data: { type: 'string' },
  yes: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export interface InitOptions {
  folder: string;
  /** Undefined: detected, or asked for. */
  framework: Framework | undefined;
  data: Data | undefined;
  yes: boolean;
  help: boolean;
}

export const HELP = `Usage: pathcast init [DIR] [options]

In an empty or missing folder: writes a small app that runs. A page in the
browser shows at once what another browser changes.

In a folder with a package.json: prints what has to be added to the app as a
diff, asks, and writes it after a yes.

  --framework NAME   fastify (with tRPC), express, hono, node or next
                     default: that of the app; for a new one fastify
  --data NAME        none (in memory), drizzle (libSQL) or prisma (SQLite)
                     default: that of the app; for a new one none
  --yes              asks nothing: writes the diff, and takes the defaults
  -h, --help         this text

Without a terminal to ask at, and without --yes, an existing app is left as it
is: the diff is printed, and the exit code is 1.

Exit: 0 written, or nothing was to be done, 1 there is a diff and nothing was
written, 2 the command line is wrong, or it cannot be done.
`;

/** @throws CommandError with one line. */
export function parseOptions(argv: readonly string[]): InitOptions {
  const { values, positionals } = readArguments(argv, OPTIONS, { positionals: true });
  if (positionals.length > 1) {
    throw new CommandError(`one DIR at most, got ${positionals.map((one) => JSON.stringify(one)).join(' and ')}`);
  }
  return {
    folder: positionals[0] ?? '.',
    framework: values.framework === undefined ? undefined : chosen('--framework', values.framework, FRAMEWORKS),
    data: values.data === undefined ? undefined : chosen('--data', values.data, DATA),
    yes: values.yes === true,
    help: values.help === true,
  };
}
