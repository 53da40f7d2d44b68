/** The command line of pathcast. */
import { readFileSync } from 'node:fs';
import { COMMANDS } from './commands.js';
import { CommandError } from './errors.js';
import { nearestName } from './nearest-name.js';
import type { Output, Streams } from './streams.js';
import { pad, visible, wrap } from './terminal/text.js';

/** Columns of every help: those of the narrowest terminal that is usual. */
const HELP_COLUMNS = 80;

/** Runs one command in this process. Resolves to the exit code: 0 fine, 1 something was found, 2 it could not be done. */
export function main(argv: string[]): Promise<number> {
  return run(argv, {
    stdout: outputOn(process.stdout),
    stderr: outputOn(process.stderr),
    env: process.env,
    // In the package: dist/esm/cli/main.js.
    version: versionOf(new URL('../../../package.json', import.meta.url)),
    interrupted,
  });
}

/** As `main`, with streams of one's own. Never rejects. */
export async function run(argv: readonly string[], streams: Streams): Promise<number> {
  const { stdout, stderr, version } = streams;
  const [name, ...rest] = argv;
  try {
    switch (name) {
      case undefined:
        await stderr.print(help());
        return 2;
      case '-h':
      case '--help':
      case 'help':
        await stdout.print(help());
        return 0;
      case '-v':
      case '--version':
        await stdout.print(`${version}\n`);
        return 0;
    }
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!command) throw new CommandError(unknownCommand(name));
    const runCommand = await command.load();
    return await runCommand(rest, streams);
  } catch (error) {
    await stderr.print(`${complaint(name, error, rest.includes('--verbose'))}\n`).catch(() => undefined);
    return 2;
  }
}

function help(): string {
  const rows = Object.entries(COMMANDS).map(([name, { takes = '', summary }]) => [`${name} ${takes}`.trim(), summary]);
  rows.push(['--version', 'the version of pathcast']);
  rows.push(['-h, --help', 'this text; pathcast COMMAND --help tells more']);
  const column = Math.max(...rows.map(([left = '']) => left.length)) + 3;
  const lines = rows.flatMap(([left = '', right = '']) =>
    wrap(right, HELP_COLUMNS - 2 - column).map((line, n) => `  ${pad(n === 0 ? left : '', column)}${line}`),
  );
  lines.splice(-2, 0, '');
  return `Usage: pathcast COMMAND [options]\n\n${lines.join('\n')}\n\n`;
}

function unknownCommand(name: string): string {
  const nearest = nearestName(name, Object.keys(COMMANDS));
  const hint = nearest === undefined ? ';' : `; did you mean ${nearest}?`;
  return `unknown command ${JSON.stringify(name)}${hint} allowed are ${Object.keys(COMMANDS).join(', ')}, --help, --version`;
}

/** One line for what a person can mend; the trace too for what only a mistake of ours explains. */
function complaint(command: string | undefined, error: unknown, verbose: boolean): string {
  if (!(error instanceof Error)) return `pathcast: ${visible(String(error))}`;
  const expected = error instanceof CommandError || error.name === 'Error';
  const known = command !== undefined && Object.hasOwn(COMMANDS, command);
  const name = known ? `pathcast ${command}` : 'pathcast';
  if (expected && !verbose) return `${name}: ${error.message.split('\n').map(visible).join('\n')}`;
  return `${name}: ${error.stack ?? error.message}`;
}

/** A second Ctrl-C ends the process as ever. */
function interrupted(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
  return controller.signal;
}

function versionOf(manifest: URL): string {
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/**
 * A reader that goes away (`| head`) ends the printing, not the command: the exit code still says what was found. Where the report
 * cannot be written (a full disk), that is an error.
 */
function outputOn(stream: NodeJS.WriteStream): Output {
  let gone = false;
  stream.on('error', () => {
    gone = true;
  });
  return {
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
    get gone() {
      return gone;
    },
    print: (text) =>
      new Promise((resolve, reject) => {
        if (gone || text === '') resolve();
        else {
          stream.write(text, (error) => {
            if (error == null || (error as NodeJS.ErrnoException).code === 'EPIPE') resolve();
            else reject(new CommandError(`cannot write: ${error.message}`, { cause: error }));
          });
        }
      }),
  };
}
