/** The command line of pathcast. */
import { auditCommand, versionOf } from './audit/command.js';
import type { Output, Streams } from './audit/streams.js';
import { AuditError } from './audit/errors.js';
import { visible } from './audit/output/text.js';

const HELP = `Usage: pathcast COMMAND [options]

  audit [FOLDER]   says of a tRPC code base which mutations broadcast what, and what is wrong with it

  --version        the version of pathcast
  -h, --help       this text; pathcast COMMAND --help tells more

`;

/** Runs one command in this process. Resolves to the exit code: 0 fine, 1 something was found, 2 it could not be done. */
export function main(argv: string[]): Promise<number> {
  return run(argv, {
    stdout: outputOn(process.stdout),
    stderr: outputOn(process.stderr),
    env: process.env,
    // In the package: dist/esm/cli/main.js.
    version: versionOf(new URL('../../../package.json', import.meta.url)),
  });
}

/** As `main`, with streams of one's own. Never rejects. */
export async function run(argv: readonly string[], streams: Streams): Promise<number> {
  const { stdout, stderr, version } = streams;
  const [command, ...rest] = argv;
  try {
    switch (command) {
      case undefined:
        await stderr.print(HELP);
        return 2;
      case '-h':
      case '--help':
      case 'help':
        await stdout.print(HELP);
        return 0;
      case '-v':
      case '--version':
        await stdout.print(`${version}\n`);
        return 0;
      case 'audit':
        return await auditCommand(rest, streams);
      default:
        throw new AuditError(`unknown command ${JSON.stringify(command)}; allowed are audit, --help, --version`);
    }
  } catch (error) {
    await stderr.print(`${complaint(command, error, rest.includes('--verbose'))}\n`).catch(() => undefined);
    return 2;
  }
}

/** One line for what a person can mend; the trace too for what only a mistake of ours explains. */
function complaint(command: string | undefined, error: unknown, verbose: boolean): string {
  if (!(error instanceof Error)) return `pathcast: ${visible(String(error))}`;
  const expected = error.name === 'AuditError' || error.name === 'Error';
  const name = command === 'audit' ? 'pathcast audit' : 'pathcast';
  if (expected && !verbose) return `${name}: ${error.message.split('\n').map(visible).join('\n')}`;
  return `${name}: ${error.stack ?? error.message}`;
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
    print: (text) =>
      new Promise((resolve, reject) => {
        if (gone || text === '') resolve();
        else {
          stream.write(text, (error) => {
            if (error == null || (error as NodeJS.ErrnoException).code === 'EPIPE') resolve();
            else reject(new AuditError(`cannot write: ${error.message}`, { cause: error }));
          });
        }
      }),
  };
}
