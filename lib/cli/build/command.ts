/** `pathcast build`: the native engine for a machine that no prebuilt addon fits. */
import { readArguments } from '../arguments.js';
import { CommandError } from '../errors.js';
import type { Streams } from '../streams.js';

const HELP = `Usage: pathcast build

Compiles the native engine from what the package holds and puts it where the
package loads it first: build/Release/pathcast.node. For machines that have no
prebuilt one; on the others nothing needs it. It wants a C++20 compiler, make
and Python 3, and takes a minute or two. Run it again after each installation.

  -h, --help   this text
`;

/** Ships beside dist; plain JavaScript, because it is of the package and not of the library. */
const BUILDER = new URL('../../../../scripts/build-addon.mjs', import.meta.url);

interface Builder {
  buildAddon: (say: (line: string) => void) => Promise<void>;
}

/** @throws CommandError where it cannot be built. */
export async function buildCommand(argv: readonly string[], { stdout }: Streams): Promise<number> {
  const { values } = readArguments(argv, { help: { type: 'boolean', short: 'h' } }, { positionals: false });
  if (values.help === true) {
    await stdout.print(HELP);
    return 0;
  }
  const { buildAddon } = (await import(BUILDER.href)) as Builder;
  let printed: Promise<void> = Promise.resolve();
  try {
    await buildAddon((line) => {
      printed = stdout.print(`${line}\n`);
    });
  } catch (error) {
    throw new CommandError((error as Error).message, { cause: error });
  }
  await printed;
  return 0;
}
