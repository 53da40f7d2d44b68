/** The options of a command: read strictly, each mistake one line that names the nearest of what there is. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { nearestName } from './nearest-name.js';
import { CommandError } from './errors.js';

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>
>;

/** @throws CommandError for an option that there is not, a value that is missing or empty, and what is no option where none is taken. */
export function readArguments<const T extends Options>(
  argv: readonly string[],
  options: T,
  { positionals }: { positionals: boolean },
): Parsed<T> {
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new CommandError(explain(error, argv, options), { cause: error });
  }
  if (!positionals && parsed.positionals.length > 0) {
    throw new CommandError(
      `${JSON.stringify(parsed.positionals[0])} is no option; allowed are ${namesOf(options).join(', ')}`,
    );
  }
  for (const [name, value] of Object.entries(parsed.values)) {
    if ([value].flat().includes('')) throw new CommandError(`--${name} needs a value`);
  }
  return parsed;
}

/** A whole number of an option. @throws CommandError */
export function numberOf(option: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new CommandError(`${option} must be a whole number from ${min} to ${max}, got ${JSON.stringify(text)}`);
}

const namesOf = (options: Options): string[] => Object.keys(options).map((name) => `--${name}`);

function explain(error: unknown, argv: readonly string[], options: Options): string {
  const { code, message } = error as { code?: string; message: string };
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const given =
      argv.find((arg) => arg.startsWith('-') && arg !== '--' && !known(arg, options)) ??
      /'([^']+)'/.exec(message)?.[1] ??
      '?';
    const unknown = given.replace(/=.*/s, '');
    const nearest = nearestName(unknown.replace(/^-+/, ''), Object.keys(options));
    const hint = nearest === undefined ? '' : `; did you mean --${nearest}?`;
    return `unknown option ${unknown}${hint === '' ? ';' : hint} allowed are ${namesOf(options).join(', ')}`;
  }
  const [line = message] = message.split('\n');
  return line;
}

function known(arg: string, options: Options): boolean {
  const name = arg.replace(/=.*/s, '');
  if (name.startsWith('--')) return Object.hasOwn(options, name.slice(2));
  return Object.values(options).some(({ short }) => short !== undefined && name === `-${short}`);
}
