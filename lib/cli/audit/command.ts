/** `pathcast audit`: options in, report out, and the exit code. */
import { existsSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { applyBaseline, writeBaseline } from './baseline.js';
import { codeOf, readConfig } from './config.js';
import { AuditError } from './errors.js';
import { applyFix, checkClean, diffOf, keptByGit, leftOf, planFix, saysOf } from './fix.js';
import { audit } from './index.js';
import { HELP, parseOptions, type CommandOptions } from './options.js';
import { toJson, toMarkdown, toSarif, toTerminal, wantsColours } from './output/index.js';
import { progressOn } from './progress.js';
import type { AuditReport, Finding, Rule } from './report.js';
import type { Output, Streams } from '../streams.js';

/** @throws AuditError where it cannot run. */
export async function auditCommand(argv: readonly string[], streams: Streams): Promise<number> {
  const options = parseOptions(argv);
  if (options.help) {
    await streams.stdout.print(HELP);
    return 0;
  }
  const root = path.resolve(options.folder);
  if (!existsSync(root)) throw new AuditError(`there is no folder ${options.folder}`);
  if (!statSync(root).isDirectory()) throw new AuditError(`${options.folder} is no folder`);
  // Before the minutes that the audit may take.
  if (options.fix && !options.fix.dry && !options.fix.force) checkClean(root);
  const config = readConfig(root, options.config);
  const progress = progressOn(streams.stderr, options.progress);
  let report: AuditReport;
  try {
    const router = options.router === undefined ? undefined : relativeTo(root, options.router);
    report = audit(root, {
      config,
      ...(router === undefined ? {} : { router }),
      ...(options.tsconfig === undefined
        ? {}
        : {
            tsconfig: path.resolve(
              relativeTo(root, options.tsconfig) === options.tsconfig ? root : '.',
              options.tsconfig,
            ),
          }),
      ...(options.budget === undefined ? {} : { budget: { seconds: options.budget } }),
      onFetch: (what) => void streams.stderr.print(`${what}\n`).catch(() => undefined),
      onProgress: progress.step,
    });
  } finally {
    progress.end();
  }
  if (options.fix) return fixPaths(root, report, options.fix, streams);
  if (options.baseline !== undefined) report = applyBaseline(report, options.baseline);
  const text = render(report, options, root, streams);
  if (options.out === undefined) await streams.stdout.print(text);
  else write(options.out, text);
  if (options.writeBaseline !== undefined) {
    writeBaseline(options.writeBaseline, report);
    return 0;
  }
  return report.findings.some(counts(options.failOn ?? config.failOn)) ? 1 : 0;
}

/** The diff alone goes to the standard output, so that `git apply` can read it. */
async function fixPaths(root: string, report: AuditReport, { dry: isDry, force }: { dry: boolean; force: boolean }, { stdout, stderr }: Streams): Promise<number> {
  // What is shown is shown where there is no Git, too.
  const fix = planFix(root, report, isDry || force ? undefined : keptByGit(root));
  if (isDry) {
    await stdout.print(diffOf(fix));
    if (fix.left.length > 0) await stderr.print(leftOf(fix.left));
  } else {
    applyFix(root, fix);
    await stdout.print(saysOf(fix));
  }
  return fix.left.length > 0 ? 1 : 0;
}

/** A path as somebody in a shell types it: from the working directory where such a file is, else from the audited folder. */
function relativeTo(root: string, given: string): string {
  const [file = given, ...rest] = given.split('#');
  const here = path.resolve(file);
  if (path.isAbsolute(file) || !existsSync(here) || existsSync(path.join(root, file))) return given;
  return [path.relative(root, here).split(path.sep).join('/'), ...rest].join('#');
}

/** Which findings make the exit code 1. */
function counts(failOn: 'none' | 'all' | Rule[] | undefined): (finding: Finding) => boolean {
  return ({ rule, severity, known }) => {
    if (known === true || failOn === 'none') return false;
    if (failOn === undefined) return severity === 'error';
    return failOn === 'all' || failOn.includes(rule);
  };
}

function render(report: AuditReport, { format, verbose, out }: CommandOptions, root: string, streams: Streams): string {
  switch (format) {
    case 'json':
      return toJson(report);
    case 'markdown':
      return toMarkdown(report);
    case 'sarif':
      return toSarif(report, { version: streams.version, base: wayFromRepository(root) });
    case 'terminal': {
      const { stdout, env } = streams;
      const colours = out === undefined && wantsColours(stdout, env);
      return toTerminal(report, { width: screenWidth(stdout, env), colours, verbose });
    }
  }
}

function screenWidth({ columns }: Output, env: NodeJS.ProcessEnv): number {
  const given = Number(env['COLUMNS']);
  return columns ?? (Number.isSafeInteger(given) && given > 0 ? given : 120);
}

/** Code scanning counts files from the repository. */
function wayFromRepository(root: string): string {
  for (let folder = root; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, '.git'))) return path.relative(folder, root).split(path.sep).join('/');
    if (path.dirname(folder) === folder) return '';
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new AuditError(`cannot write ${file}: ${codeOf(error)}`, { cause: error });
  }
}
