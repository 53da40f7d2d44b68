/** The report as a comment on a pull request: short above, the rest folded. */
import { RULES, type AuditReport, type Finding, type Place, type Rule } from '../report.js';
import { plural } from '../findings/words.js';
import { RULE_TEXTS } from './rules.js';
import { busiestTables } from './summary.js';
import { percent, visible } from '../../terminal/text.js';

/** Characters; GitHub refuses a comment above 65,536. What does not fit is left out, and that is said. */
const MAX_LENGTH = 60_000;
/** Findings of one rule, and members of one list, that are shown. */
const MAX_ROWS = 100;
/** Procedures that are named with one table. */
const MAX_NAMED = 12;

export function toMarkdown(report: AuditReport): string {
  const parts = [
    head(report),
    coverage(report),
    tables(report),
    phantoms(report),
    tools(report),
    ...findings(report),
    unseen(report),
    baseline(report),
  ];
  let text = '';
  let left = 0;
  for (const part of parts) {
    if (part === '') continue;
    if (text.length + part.length > MAX_LENGTH) left++;
    else text += `${part}\n`;
  }
  return left === 0 ? text : `${text}_${left} sections are left out: the comment would be too long._\n`;
}

function head({ totals, root, findings: all }: AuditReport): string {
  const fresh = all.filter((finding) => finding.known !== true);
  const count = (severity: string): number => fresh.filter((finding) => finding.severity === severity).length;
  return [
    '## pathcast audit',
    '',
    `${code(root)}: **${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')}, ${plural(count('note'), 'note')}**`,
    '',
    `${totals.mutations} mutations: ${totals.broadcasting} broadcast, ${totals.silent} silent, ${totals.declaredSilent} declared silent, ` +
      `${totals.unknown} unknown; coverage ${percent(totals.coverage)}. ${totals.phantomPaths} phantom paths in ${totals.phantomUses} places, ` +
      `${totals.toolMismatches} tools that disagree, ${totals.nonAtomic} non-atomic mutations.`,
    '',
  ].join('\n');
}

function coverage({ routers, totals }: AuditReport): string {
  const row = (name: string, one: Omit<AuditReport['routers'][number], keyof Place | 'path' | 'queries'>): string[] => [
    name,
    ...[one.mutations, one.broadcasting, one.silent, one.declaredSilent, one.unknown].map(String),
    percent(one.coverage),
  ];
  const rows = routers
    .filter((router) => router.mutations > 0)
    .map((router) => row(code(router.path === '' ? '(root)' : router.path), router));
  rows.push(row('**total**', totals));
  return grid(['router', 'mutations', 'broadcast', 'silent', 'declared', 'unknown', 'coverage'], rows);
}

function tables({ tables: all }: AuditReport): string {
  if (all.length === 0) return '';
  const names = (some: readonly string[]): string => [...some.slice(0, MAX_NAMED).map(code), ...(some.length > MAX_NAMED ? [`and ${some.length - MAX_NAMED} more`] : [])].join(', ');
  const rows = busiestTables(all).map(({ name, writers, readers }) => [code(name), names(writers), names(readers)]);
  return folded(`Tables (${all.length})`, grid(['table', 'written by', 'read by'], rows));
}

function phantoms({ phantoms: all }: AuditReport): string {
  if (all.length === 0) return '';
  const rows = all.map(({ path, nearest, alias, uses }) => [
    code(path),
    alias === undefined ? (nearest[0] === undefined ? 'nothing like it' : code(nearest[0])) : `${code(alias)} (alias)`,
    String(uses.length),
    place(uses[0]),
  ]);
  return folded(`Phantom query paths (${all.length})`, grid(['path', 'nearest', 'uses', 'first'], rows));
}

function tools({ tools: all }: AuditReport): string {
  if (all.length === 0) return '';
  const rows = all.map((tool) => [
    code(tool.tool),
    tool.verdict,
    tool.mutation === undefined ? '–' : `${code(tool.mutation)} (by ${tool.matchedBy ?? '?'})`,
    tool.missing.map(code).join(', '),
    tool.extra.map(code).join(', '),
  ]);
  return folded(`Tools (${all.length})`, grid(['tool', 'verdict', 'mutation', 'missing', 'besides'], rows));
}

function findings({ findings: all }: AuditReport): string[] {
  return (Object.keys(RULES) as Rule[]).map((rule) => {
    const own = all.filter((finding) => finding.rule === rule && finding.known !== true);
    if (own.length === 0) return '';
    const rows = own.map((finding: Finding) => [text(finding.message), place(finding)]);
    const { title, help } = RULE_TEXTS[rule];
    return folded(
      `${rule}: ${own.length} (${RULES[rule]})`,
      `${text(title)}. ${help}\n\n${grid(['finding', 'place'], rows)}`,
    );
  });
}

function unseen({ unseen: all }: AuditReport): string {
  if (all.length === 0) return 'Everything could be followed.\n';
  const rows = all.map((one) => [
    text(one.what),
    text(one.why),
    one.subject === undefined ? '' : code(one.subject),
    place(one),
  ]);
  return folded(`Not seen (${all.length})`, grid(['what', 'why', 'in', 'place'], rows));
}

function baseline({ baseline: one }: AuditReport): string {
  if (!one) return '';
  const stale = one.stale.map((gone) => `- ${gone.rule}: ${text(gone.message)}\n`).slice(0, MAX_ROWS);
  return `Baseline ${code(one.file)}: ${one.known} known, ${one.new} new, ${one.stale.length} gone.\n\n${stale.join('')}`;
}

function grid(head: readonly string[], rows: readonly string[][]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const more = rows.length > MAX_ROWS ? `\n… and ${rows.length - MAX_ROWS} more.\n` : '';
  return `${line(head)}${line(head.map(() => '---'))}${rows.slice(0, MAX_ROWS).map(line).join('')}${more}`;
}

function folded(title: string, body: string): string {
  return `<details><summary>${text(title)}</summary>\n\n${body}\n</details>\n`;
}

const place = (one: Place | undefined): string => (one ? code(`${one.file}:${one.line}`) : '');

const PLAIN = /^[\w.,:;/#()+=-]+(?: [\w.,:;/#()+=-]+)*$/;

/** A name as code, in a table too. Where it holds what Markdown or HTML would read, as entities. */
export function code(name: string): string {
  const shown = visible(name);
  return PLAIN.test(shown) ? `\`${shown}\`` : `<code>${entities(shown)}</code>`;
}

/** Text that Markdown, HTML and GitHub's mentions leave as it is. */
export function text(message: string): string {
  return entities(visible(message));
}

const SPECIAL = /[&<>|`*[\]{}\\~@$!]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|#(?=\d)|:(?=\/\/)/gu;

function entities(shown: string): string {
  return shown.replace(SPECIAL, (char) => `&#${char.charCodeAt(0)};`);
}
