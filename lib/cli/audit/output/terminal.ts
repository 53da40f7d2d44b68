/** The report that a person reads in a terminal of 80 columns and more. */
import {
  RULES,
  type AuditReport,
  type Finding,
  type MutationReport,
  type PathUse,
  type Rule,
  type Severity,
} from '../report.js';
import { plural } from '../findings/words.js';
import { busiestTables, groupedUnseen, nextOf, phantomLines, summaryOf, type Line } from './summary.js';
import { coloursFor, type Colours, type Style } from '../../terminal/colours.js';
import { table, type Cell, type Item } from './table.js';
import { at, percent, visible, wrap } from '../../terminal/text.js';

export interface TerminalOptions {
  /** Columns. Default 100. */
  width?: number;
  colours?: boolean;
  /** Everything, where lists are else cut after `SHOWN`; findings that the baseline holds too. */
  verbose?: boolean;
}

/** Members of a list of things not seen, of functions and of known findings that are shown without `--verbose`. */
const SHOWN = 20;
/** Tables that are shown without `--verbose`, and procedures that are named with each. */
const TABLES = 10;
const NAMED = 3;
/** Procedures that are named with one thing not seen. */
const SUBJECTS = 3;
/** From here on the tables that are written have a column of their own. */
const WIDE = 110;

export function toTerminal(
  report: AuditReport,
  { width = 100, colours = false, verbose = false }: TerminalOptions = {},
): string {
  const page = new Page(Math.max(40, Math.min(width, 160)), coloursFor(colours), verbose);
  page.report(report);
  return `${page.lines.join('\n')}\n`;
}

class Page {
  readonly lines: string[] = [];

  constructor(
    readonly width: number,
    readonly c: Colours,
    readonly verbose: boolean,
  ) {}

  report(report: AuditReport): void {
    const { totals } = report;
    this.#title(`pathcast audit  ${visible(report.root)}`);
    const parts = [
      plural(totals.routers, 'router'),
      plural(totals.mutations, 'mutation'),
      plural(totals.queries, 'query', 'queries'),
      ...(totals.subscriptions > 0 ? [plural(totals.subscriptions, 'subscription')] : []),
    ];
    this.#text(`${parts.join(', ')} in ${plural(totals.files, 'file')}`, 0, this.c.dim);
    this.#summary(report);
    const rules = rulesBySubject(report.findings);
    for (const router of report.routers) {
      if (router.mutations > 0)
        this.#router(
          router.path,
          at(router),
          report.mutations.filter((one) => one.router === router.path),
          rules,
        );
    }
    for (const other of report.otherRoots) {
      this.#section(`Served beside it: ${visible(other.root)}`);
      for (const router of other.routers) {
        if (router.mutations > 0)
          this.#router(
            router.path,
            at(router),
            other.mutations.filter((one) => one.router === router.path),
            rules,
          );
      }
    }
    this.#coverage(report);
    this.#tables(report);
    this.#phantoms(report);
    this.#tools(report);
    this.#maps(report);
    this.#helpers(report);
    this.#findings(report);
    this.#unseen(report);
    this.#baseline(report);
    this.#verdict(report);
  }

  /** What it comes to, and what to do next: before anything that is long. */
  #summary(report: AuditReport): void {
    this.#section('Summary');
    for (const line of summaryOf(report)) this.#text(line, 2);
    const next = nextOf(report);
    if (next.length === 0) return;
    this.#section('Next');
    for (const line of next) this.#text(`- ${line}`, 2);
  }

  #router(
    path: string,
    place: string,
    mutations: readonly MutationReport[],
    rules: ReadonlyMap<string, readonly Rule[]>,
  ): void {
    this.#section(visible(path === '' ? '(root)' : path), place);
    const wide = this.width >= WIDE;
    const rows = mutations.map((mutation): Cell[] => {
      const last = lastOf(mutation.path, path);
      const tables = [...new Set(mutation.tables)].map(visible).join(', ');
      const what: Item[] = mutation.queryPaths.length === 0 ? this.#nothing(mutation) : this.#paths(mutation);
      const remarks: Item[] = [
        ...(rules.get(mutation.path) ?? []).map((rule) => ({ text: `! ${rule}`, style: this.#severity(RULES[rule]) })),
        ...mutation.notes.map((note) => ({ text: `· ${visible(note)}`, style: this.c.dim })),
      ];
      const written: Cell = tables === '' ? [] : [{ text: wide ? tables : `writes ${tables}` }];
      return [
        [{ text: visible(last), style: this.c.bold }],
        [this.#yes(mutation)],
        [{ text: mutation.transaction === 'no-writes' ? '–' : mutation.transaction }],
        ...(wide ? [written, [...what, ...remarks]] : [[...written, ...what, ...remarks]]),
      ];
    });
    const columns = [
      { title: 'mutation', least: 14 },
      { title: 'broadcast' },
      { title: 'tx' },
      ...(wide ? [{ title: 'tables written', least: 16 }] : []),
      { title: wide ? 'query paths, remarks' : 'tables, query paths, remarks', least: 20 },
    ];
    this.lines.push(...table(columns, rows, this.width, 2, this.c.dim));
  }

  #yes({ broadcast }: MutationReport): Item {
    switch (broadcast) {
      case 'yes':
        return { text: 'yes', style: this.c.green };
      case 'no':
        return { text: 'NO', style: this.c.red };
      case 'silent':
        return { text: 'declared', style: this.c.dim };
      case 'unknown':
        return { text: 'unknown', style: this.c.yellow };
    }
  }

  #nothing(mutation: MutationReport): Item[] {
    if (mutation.silent !== undefined) return [{ text: `silent: ${visible(mutation.silent)}`, style: this.c.dim }];
    return mutation.broadcast === 'yes' ? [{ text: 'computed', style: this.c.yellow }] : [];
  }

  #paths(mutation: MutationReport): Item[] {
    const uses = new Map<string, PathUse>();
    for (const use of mutation.broadcasts.flatMap((broadcast) => broadcast.queryPaths))
      uses.set(use.path, uses.get(use.path) ?? use);
    return [...uses.values()].map((use): Item => {
      const name = visible(use.path);
      if (use.verdict !== 'phantom') return { text: name };
      if (use.alias !== undefined) return { text: `${name} = ${visible(use.alias)} (alias)`, style: this.c.dim };
      const [nearest] = use.nearest ?? [];
      return { text: `${name} ✗${nearest === undefined ? '' : ` → ${visible(nearest)}`}`, style: this.c.red };
    });
  }

  #coverage({ routers, totals }: AuditReport): void {
    this.#section('Coverage');
    const cells = (
      name: string,
      one: Omit<AuditReport['routers'][number], 'path' | 'file' | 'line' | 'column' | 'queries'>,
    ): Cell[] => {
      const share: Style = one.coverage === 1 ? this.c.green : one.coverage < 0.5 ? this.c.red : this.c.yellow;
      const numbers = [one.mutations, one.broadcasting, one.silent, one.declaredSilent, one.unknown];
      return [
        [{ text: name }],
        ...numbers.map((number): Cell => [{ text: String(number) }]),
        [{ text: percent(one.coverage), style: share }],
      ];
    };
    const rows = routers
      .filter((one) => one.mutations > 0)
      .map((one) => cells(visible(one.path === '' ? '(root)' : one.path), one));
    rows.push(cells('TOTAL', totals));
    const titles = ['router', 'mutations', 'broadcast', 'silent', 'declared', 'unknown', 'coverage'];
    this.lines.push(
      ...table(
        titles.map((title, index) => (index === 0 ? { title, least: 10 } : { title })),
        rows,
        this.width,
        2,
        this.c.dim,
      ),
    );
    if (totals.silentWithoutWrites > 0) {
      const count = totals.silentWithoutWrites;
      this.#text(
        `Of the ${totals.silent} silent ones ${count} ${count === 1 ? 'writes' : 'write'} nothing that was seen.`,
        2,
        this.c.dim,
      );
    }
  }

  /** Who writes a table, and who reads it. */
  #tables({ tables }: AuditReport): void {
    if (tables.length === 0) return;
    this.#section('Tables');
    const names = (all: readonly string[]): Cell => {
      const shown = this.verbose ? all : all.slice(0, NAMED);
      const more = all.length - shown.length;
      return [...shown.map((name) => ({ text: visible(name) })), ...(more > 0 ? [{ text: `and ${more} more`, style: this.c.dim }] : [])];
    };
    const shown = this.verbose ? busiestTables(tables) : busiestTables(tables).slice(0, TABLES);
    const rows = shown.map(({ name, writers, readers }): Cell[] => [[{ text: visible(name), style: this.c.bold }], names(writers), names(readers)]);
    const columns = [{ title: 'table', least: 12 }, { title: 'written by', least: 20 }, { title: 'read by', least: 20 }];
    this.lines.push(...table(columns, rows, this.width, 2, this.c.dim));
    if (tables.length > shown.length) this.#text(`… and ${tables.length - shown.length} more; --verbose shows all`, 2, this.c.dim);
  }

  #phantoms({ phantoms }: AuditReport): void {
    if (phantoms.length === 0) return;
    this.#section('Phantom query paths');
    const rows = phantoms.map((phantom): Cell[] => {
      const name = visible(phantom.path);
      const right = phantom.alias ?? phantom.nearest[0];
      const users = new Set(phantom.uses.map((use) => use.in)).size;
      return [
        [{ text: `${name}`, style: phantom.alias === undefined ? this.c.red : this.c.dim }],
        [
          {
            text:
              right === undefined
                ? 'nothing like it'
                : `→ ${visible(right)}${phantom.alias === undefined ? '' : ' (alias)'}`,
          },
        ],
        [{ text: `${plural(phantom.uses.length, 'use')} by ${users}`, style: this.c.dim }],
        [{ text: at(phantom.uses[0] ?? { file: '', line: 0 }), style: this.c.dim }],
      ];
    });
    const columns = [
      { title: 'path', least: 14 },
      { title: 'nearest', least: 14 },
      { title: 'uses' },
      { title: 'first', least: 14 },
    ];
    this.lines.push(...table(columns, rows, this.width, 2, this.c.dim));
  }

  #tools({ tools }: AuditReport): void {
    if (tools.length === 0) return;
    this.#section('Tools');
    const rows = tools.map((tool): Cell[] => {
      const style: Style =
        tool.verdict === 'match' ? this.c.green : tool.verdict === 'mismatch' ? this.c.red : this.c.yellow;
      return [
        [{ text: visible(tool.tool), style: this.c.bold }],
        [{ text: tool.verdict, style }],
        [{ text: tool.mutation === undefined ? '–' : `${visible(tool.mutation)} (by ${tool.matchedBy ?? '?'})` }],
        [
          ...tool.missing.map((path) => ({ text: `- ${visible(path)}`, style: this.c.red })),
          ...tool.extra.map((path) => ({ text: `+ ${visible(path)}`, style: this.c.yellow })),
          ...(tool.fallbackModule === undefined
            ? []
            : [{ text: `falls through to ${visible(tool.fallbackModule)}`, style: this.c.dim }]),
        ],
      ];
    });
    const columns = [
      { title: 'tool', least: 16 },
      { title: 'verdict' },
      { title: 'mutation', least: 16 },
      { title: '- missing, + besides', least: 16 },
    ];
    this.lines.push(...table(columns, rows, this.width, 2, this.c.dim));
  }

  #maps({ pathMaps }: AuditReport): void {
    if (pathMaps.length === 0) return;
    this.#section('Maps to query paths');
    for (const map of pathMaps) {
      const bad = map.entries.flatMap((entry) =>
        entry.queryPaths.filter((use) => use.verdict === 'phantom' && use.alias === undefined),
      );
      const names = [...new Set(bad.map((use) => visible(use.path)))];
      this.#text(
        `${visible(map.name)}  ${at(map)}: ${plural(map.entries.length, 'entry', 'entries')}${names.length > 0 ? `, phantom: ${names.join(', ')}` : ''}`,
        2,
      );
    }
  }

  #helpers({ helpers }: AuditReport): void {
    const writing = helpers.filter((helper) => helper.tables.length > 0);
    if (writing.length === 0) return;
    this.#section('Functions that write');
    const rows = this.#some(writing).map((helper): Cell[] => [
      [
        { text: visible(helper.name), style: this.c.bold },
        { text: at(helper), style: this.c.dim },
      ],
      [{ text: helper.broadcasts ? 'broadcasts' : 'blind', style: helper.broadcasts ? this.c.green : this.c.yellow }],
      [{ text: helper.tables.map(visible).join(', ') }],
      [{ text: plural(helper.calledFrom.length, 'caller'), style: this.c.dim }],
    ]);
    const columns = [
      { title: 'function', least: 20 },
      { title: '' },
      { title: 'tables', least: 16 },
      { title: 'from' },
    ];
    this.lines.push(...table(columns, rows, this.width, 2, this.c.dim));
    this.#more(writing.length);
  }

  #findings({ findings, phantoms }: AuditReport): void {
    const shown = findings.filter((finding) => finding.known !== true || this.verbose);
    if (shown.length === 0) return;
    this.#section('Findings');
    for (const rule of Object.keys(RULES) as Rule[]) {
      const own = shown.filter((finding) => finding.rule === rule);
      if (own.length === 0) continue;
      this.lines.push('', `  ${this.#severity(RULES[rule])(`${rule} (${own.length})`)}`);
      for (const { text, place } of rule === 'phantom' ? phantomLines(own, phantoms) : own.map(lineOf)) {
        this.#text(visible(text), 4);
        this.#text(place, 6, this.c.dim);
      }
    }
  }

  #unseen({ unseen }: AuditReport): void {
    this.#section('Not seen');
    if (unseen.length === 0) this.#text('Everything could be followed.', 2, this.c.dim);
    const groups = groupedUnseen(unseen);
    for (const { what, why, places, subjects } of this.#some(groups)) {
      const told = subjects.filter((subject) => !what.includes(subject));
      const others = told.length > SUBJECTS ? ` and ${told.length - SUBJECTS} more` : '';
      const within = told.length === 0 ? '' : ` (${told.slice(0, this.verbose ? told.length : SUBJECTS).map(visible).join(', ')}${this.verbose ? '' : others})`;
      this.#text(`${visible(what)}: ${visible(why)}${within}`, 2);
      for (const place of places) this.#text(place, 4, this.c.dim);
    }
    this.#more(groups.length);
  }

  #baseline({ baseline }: AuditReport): void {
    if (!baseline) return;
    this.#section('Baseline', visible(baseline.file));
    this.#text(`${baseline.known} known, ${baseline.new} new`, 2);
    for (const stale of baseline.stale) {
      this.#text(
        `gone: ${stale.rule}: ${visible(stale.message)}${stale.count > 1 ? ` (${stale.count} times)` : ''}`,
        2,
        this.c.dim,
      );
    }
    if (baseline.stale.length > 0)
      this.#text('Write the baseline again to let them go: --write-baseline', 2, this.c.dim);
  }

  #verdict({ totals, findings }: AuditReport): void {
    const fresh = findings.filter((finding) => finding.known !== true);
    const count = (severity: Severity): number => fresh.filter((finding) => finding.severity === severity).length;
    const figures = [
      plural(count('error'), 'error'),
      plural(count('warning'), 'warning'),
      plural(count('note'), 'note'),
      plural(totals.phantomPaths, 'phantom path'),
      `coverage ${percent(totals.coverage)}`,
    ];
    const style = count('error') > 0 ? this.c.red : count('warning') > 0 ? this.c.yellow : this.c.green;
    this.lines.push('', style(this.c.bold(figures.join(', '))));
  }

  #severity(severity: Severity): Style {
    return severity === 'error' ? this.c.red : severity === 'warning' ? this.c.yellow : this.c.cyan;
  }

  #title(text: string): void {
    for (const line of wrap(text, this.width)) this.lines.push(this.c.bold(line));
  }

  #section(title: string, beside = ''): void {
    this.lines.push('', beside === '' ? this.c.bold(title) : `${this.c.bold(title)}  ${this.c.dim(visible(beside))}`);
  }

  #text(text: string, indent: number, style: Style = (line) => line): void {
    for (const line of wrap(visible(text), this.width - indent)) this.lines.push(' '.repeat(indent) + style(line));
  }

  #some<T>(items: readonly T[]): readonly T[] {
    return this.verbose ? items : items.slice(0, SHOWN);
  }

  #more(count: number): void {
    if (!this.verbose && count > SHOWN) this.#text(`… and ${count - SHOWN} more; --verbose shows all`, 2, this.c.dim);
  }
}

const lastOf = (path: string, router: string): string =>
  router !== '' && path.startsWith(`${router}.`) ? path.slice(router.length + 1) : path;

const marked = (finding: Finding): string => (finding.known === true ? ' [known]' : '');
const lineOf = (finding: Finding): Line => ({ text: `${finding.message}${marked(finding)}`, place: at(finding) });

/** What the row does not show by itself. */
function rulesBySubject(findings: readonly Finding[]): Map<string, Rule[]> {
  const rules = new Map<string, Rule[]>();
  for (const { rule, subject } of findings) {
    if (subject === undefined || rule === 'phantom' || rule === 'silent') continue;
    const own = rules.get(subject) ?? [];
    if (!own.includes(rule)) rules.set(subject, [...own, rule]);
  }
  return rules;
}
