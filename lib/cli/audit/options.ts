/** The command line of `pathcast audit`: read strictly, each mistake one line. */
import { readArguments } from '../arguments.js';
import { checkRules } from './config.js';
import { AuditError } from './errors.js';
import type { Rule } from './report.js';

export type Format = 'terminal' | 'json' | 'markdown' | 'sarif';

export interface CommandOptions {
  folder: string;
  format: Format;
  router?: string;
  tsconfig?: string;
  config?: string;
  out?: string;
  failOn?: 'none' | 'all' | Rule[];
  baseline?: string;
  writeBaseline?: string;
  /** Seconds of processor time. */
  budget?: number;
  /** Corrects query paths; `dry` shows how. */
  fix?: { dry: boolean; force: boolean };
  progress: boolean;
  verbose: boolean;
  help: boolean;
}

const OPTIONS = {
  router: { type: 'string' },
  tsconfig: { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
  markdown: { type: 'boolean' },
  sarif: { type: 'boolean' },
  out: { type: 'string' },
  'fail-on': { type: 'string', multiple: true },
  baseline: { type: 'string' },
  'write-baseline': { type: 'string' },
  budget: { type: 'string' },
  fix: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  force: { type: 'boolean' },
  'no-progress': { type: 'boolean' },
  verbose: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export const HELP = `Usage: pathcast audit [FOLDER] [options]

Reads a TypeScript tRPC code base, runs none of it, and says which mutations
broadcast which query paths, which paths no query has, and where broadcasts,
writes and transactions disagree. FOLDER is the current one.

  --router FILE[#NAME]   the root router, where it is not found by itself
  --tsconfig FILE        reads the files of this tsconfig instead of all below
                         FOLDER
  --config FILE          settings; else pathcast.audit.json, or
                         "pathcast": { "audit": … } in package.json of FOLDER

  --json                 the report for programs; nothing else goes to the
                         standard output
  --markdown             the report as a comment on a pull request
  --sarif                the report for code scanning (SARIF 2.1.0)
  --out FILE             writes the report there
  --verbose              lists in full; known findings too
  --no-progress          no progress on the standard error
  --budget SECONDS       of processor time, 120 where it is not said; what was
                         not followed by then stands under "Not seen"

  --fail-on RULE,…       exits with 1 if one of these is found; none and all are
                         allowed. Else findings that are errors do: phantom,
                         silent, broadcast-in-transaction, invalid-map
  --baseline FILE        findings in it are known; only new ones count
  --write-baseline FILE  stores what is found as known, and exits with 0

  --fix                  writes the right name in the place of a query path that
                         no query has, where only one can be meant; exits with 1
                         if others are left
  --dry-run              with --fix: prints the diff and writes nothing
  --force                with --fix: in a tree with changes, or without Git

  -h, --help             this text

Rules: phantom, silent, cascade, missing-client-id, missing-user-id,
  non-atomic, broadcast-in-transaction, conditional-broadcast, tool-mismatch,
  tool-fallback, blind-helper, tx-helper-without-tx, invalid-map

Exit: 0 nothing that counts was found, 1 something was, 2 the command line is
  wrong or the audit cannot run.
`;

/** @throws AuditError with one line. */
export function parseOptions(argv: readonly string[]): CommandOptions {
  const { values, positionals } = readArguments(argv, OPTIONS, { positionals: true });
  if (positionals.length > 1) {
    throw new AuditError(`one FOLDER at most, got ${positionals.map((one) => JSON.stringify(one)).join(' and ')}`);
  }
  const formats = (['json', 'markdown', 'sarif'] as const).filter((format) => values[format]);
  if (formats.length > 1)
    throw new AuditError(
      `one format at a time, got --${formats.join(' and --')}; allowed are --json, --markdown, --sarif`,
    );
  const { fix, 'dry-run': dry = false, force = false } = values;
  if (!fix && (dry || force)) throw new AuditError(`--${dry ? 'dry-run' : 'force'} goes with --fix`);
  const beside = (['json', 'markdown', 'sarif', 'out', 'baseline', 'write-baseline', 'fail-on'] as const).find((name) => values[name] !== undefined);
  if (fix && beside !== undefined) throw new AuditError(`--fix makes no report: it does not go with --${beside}`);
  const given = values['fail-on'];
  return {
    folder: positionals[0] ?? '.',
    format: formats[0] ?? 'terminal',
    ...(values.router === undefined ? {} : { router: values.router }),
    ...(values.tsconfig === undefined ? {} : { tsconfig: values.tsconfig }),
    ...(values.config === undefined ? {} : { config: values.config }),
    ...(values.out === undefined ? {} : { out: values.out }),
    ...(given === undefined ? {} : { failOn: failOn(given) }),
    ...(values.baseline === undefined ? {} : { baseline: values.baseline }),
    ...(values['write-baseline'] === undefined ? {} : { writeBaseline: values['write-baseline'] }),
    ...(values.budget === undefined ? {} : { budget: secondsOf(values.budget) }),
    ...(fix ? { fix: { dry, force } } : {}),
    progress: values['no-progress'] !== true,
    verbose: values.verbose === true,
    help: values.help === true,
  };
}

function secondsOf(given: string): number {
  const seconds = Number(given);
  if (!Number.isFinite(seconds) || seconds <= 0 || given.trim() === '') throw new AuditError(`--budget must be a number of seconds above 0, got ${JSON.stringify(given)}`);
  return seconds;
}

function failOn(given: readonly string[]): 'none' | 'all' | Rule[] {
  const names = given
    .flatMap((list) => list.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 1 && (names[0] === 'none' || names[0] === 'all')) return names[0];
  if (names.length === 0) checkRules([''], '--fail-on');
  return checkRules(names, '--fail-on');
}
