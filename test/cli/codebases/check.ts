/** Compares a report with what a person found, one sentence for each difference. */
import type { AuditReport, MutationReport } from '../../../lib/cli/audit/report.js';
import type { MutationTruth, Truth } from './truth.js';

const list = (values: Iterable<string>) => [...values].sort().join(', ') || 'none';

/** `a|b` stands for either. */
const same = (found: readonly string[], expected: readonly string[]) => {
  const left = expected.map((name) => name.split('|'));
  for (const name of found) {
    if (!left.some((names) => names.includes(name))) return false;
  }
  return left.every((names) => names.some((name) => found.includes(name)));
};

export function differences(report: AuditReport, truth: Truth): string[] {
  const wrong: string[] = [];
  const say = (text: string) => wrong.push(text);
  if (root(report.root) !== root(truth.root)) say(`root: ${report.root}, not ${truth.root}`);
  if (!truth.partial && report.totals.queries !== truth.queries) say(`${report.totals.queries} queries, not ${truth.queries}`);

  const found = new Map(report.mutations.map((mutation) => [mutation.path, mutation]));
  for (const [path, expected] of Object.entries(truth.mutations)) {
    const mutation = found.get(path);
    if (mutation) compareMutation(report, mutation, expected, say);
    else say(`${path}: not found`);
  }
  if (!truth.partial) {
    for (const path of found.keys()) if (!(path in truth.mutations)) say(`${path}: there is no such mutation`);
    if (report.totals.mutations !== report.mutations.length) say(`totals say ${report.totals.mutations} mutations`);
  }
  compareFindings(report, truth, say);
  for (const [path, name] of Object.entries(truth.nearest ?? {})) {
    const phantom = report.phantoms.find((one) => one.path === path);
    if (phantom?.nearest[0] !== name) say(`nearest of ${path}: ${list(phantom?.nearest ?? [])}, not ${name}`);
  }
  const notes = report.unseen.map((note) => `${note.subject ?? ''} ${note.file} ${note.what} ${note.why}`);
  for (const text of truth.unseen ?? []) {
    if (!notes.some((note) => note.includes(text))) say(`nothing said of ${text}, which cannot be seen`);
  }
  for (const [name, expected] of Object.entries(truth.tools ?? {})) {
    const tool = report.tools.find((one) => one.tool === name);
    if (!tool) {
      say(`tool ${name}: not found`);
      continue;
    }
    if (tool.verdict !== expected.verdict) say(`tool ${name}: ${tool.verdict}, not ${expected.verdict}`);
    if (!same(tool.missing, expected.missing ?? []) && expected.verdict === 'mismatch') say(`tool ${name} misses ${list(tool.missing)}`);
    if (!same(tool.extra, expected.extra ?? []) && expected.verdict === 'mismatch') say(`tool ${name} adds ${list(tool.extra)}`);
  }
  const others = report.otherRoots.map((other) => root(other.root));
  for (const other of truth.otherRoots ?? []) if (!others.includes(root(other))) say(`other roots: ${list(others)}, not ${other}`);
  return wrong;
}

function compareMutation(report: AuditReport, found: MutationReport, truth: MutationTruth, say: (text: string) => void): void {
  const { path } = found;
  const said = report.unseen.some((note) => note.subject === path || note.what.includes(path));
  const allowed: readonly string[] = typeof truth.broadcast === 'string' ? [truth.broadcast] : truth.broadcast;
  const open = truth.hard === true && said;
  if (!allowed.includes(found.broadcast) && !(open && found.broadcast === 'unknown')) {
    say(`${path}: broadcast ${found.broadcast}, not ${list(allowed)}`);
  }
  if (found.broadcast === 'unknown' && !said) say(`${path}: unknown, and no unseen note says why`);

  const paths = new Map(found.broadcasts.flatMap(({ queryPaths }) => queryPaths.map((use) => [use.path, use.verdict])));
  const expected = new Map(Object.entries(truth.paths ?? {}));
  for (const [name, verdict] of paths) {
    if (!expected.has(name)) say(`${path}: broadcasts ${name}, which it does not`);
    else if (verdict !== expected.get(name)) say(`${path}: ${name} is ${verdict}, not ${expected.get(name)}`);
  }
  const missing = [...expected.keys()].filter((name) => !paths.has(name));
  if (missing.length > 0 && !open) say(`${path}: does not see that it broadcasts ${list(missing)}`);
  const complete = found.broadcasts.every((broadcast) => broadcast.complete);
  if ((missing.length > 0 || truth.computed) && found.broadcast === 'yes' && (complete || !said)) {
    say(`${path}: does not say that part of its paths was not seen`);
  }
  if (!missing.length && !truth.computed && !complete && !truth.hard) say(`${path}: says that it has not seen all of its paths`);

  const tables = truth.tables === undefined ? [] : truth.tables;
  if (tables !== null) {
    if (!same(found.tables, tables)) say(`${path}: writes ${list(found.tables)}, not ${list(tables)}`);
    const transaction = truth.transaction ?? (tables.length ? 'outside' : 'no-writes');
    if (found.transaction !== transaction) say(`${path}: transaction ${found.transaction}, not ${transaction}`);
  }
}

function compareFindings(report: AuditReport, truth: Truth, say: (text: string) => void): void {
  const found = new Set(report.findings.map((finding) => `${finding.rule} ${finding.subject ?? finding.file}`));
  const expected = new Set<string>(truth.findings);
  for (const finding of expected) if (!found.has(finding)) say(`no finding: ${finding}`);
  const allowed = new Set<string>([...expected, ...(truth.debatable ?? [])]);
  if (truth.partial) return;
  for (const finding of found) if (!allowed.has(finding)) say(`wrong finding: ${finding}`);
}

/** `src/a.ts#Class.name` as `src/a.ts#name`. */
const root = (name: string) => name.replace(/#.*\./, '#');
