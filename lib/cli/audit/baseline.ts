/** A file of the findings that a code base starts from: they are known, and only new ones count. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe } from '../../internal/describe.js';
import { codeOf } from './config.js';
import { AuditError } from './errors.js';
import { RULES, type AuditReport, type BaselineReport, type Finding, type Rule } from './report.js';

type Entry = BaselineReport['stale'][number];

/** Those alike share a fingerprint and are counted. */
function entriesOf(findings: readonly Finding[]): Entry[] {
  const entries = new Map<string, Entry>();
  for (const { rule, file, subject, message, fingerprint } of findings) {
    const entry = entries.get(fingerprint);
    if (entry) entry.count++;
    else
      entries.set(fingerprint, {
        fingerprint,
        count: 1,
        rule,
        file,
        ...(subject === undefined ? {} : { subject }),
        message,
      });
  }
  return [...entries.values()].sort(
    (a, b) => compare(a.file, b.file) || compare(a.rule, b.rule) || compare(a.fingerprint, b.fingerprint),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** One entry a line, in an order that does not depend on line numbers: it merges and reads well. */
export function writeBaseline(file: string, report: AuditReport): void {
  const lines = entriesOf(report.findings).map((entry) => `    ${JSON.stringify(entry)}`);
  const list = lines.length === 0 ? '[]' : `[\n${lines.join(',\n')}\n  ]`;
  try {
    writeFileSync(file, `{\n  "version": 1,\n  "findings": ${list}\n}\n`);
  } catch (error) {
    throw new AuditError(`cannot write the baseline ${file}: ${codeOf(error)}`, { cause: error });
  }
}

/** The report with each finding marked as known or not, and what the baseline holds in vain. */
export function applyBaseline(report: AuditReport, file: string, name = file): AuditReport {
  const left = new Map(readEntries(file).map((entry) => [entry.fingerprint, { ...entry }]));
  const findings = report.findings.map((finding): Finding => {
    const entry = left.get(finding.fingerprint);
    if (!entry || entry.count === 0) return { ...finding, known: false };
    entry.count--;
    return { ...finding, known: true };
  });
  const known = findings.filter((finding) => finding.known).length;
  const stale = [...left.values()].filter((entry) => entry.count > 0);
  return { ...report, findings, baseline: { file: name, known, new: findings.length - known, stale } };
}

function readEntries(file: string): Entry[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const hint = codeOf(error) === 'ENOENT' ? `; --write-baseline ${file} makes it` : '';
    throw new AuditError(`cannot read the baseline ${file}: ${codeOf(error)}${hint}`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AuditError(`the baseline ${file} is no JSON: ${(error as Error).message}`, { cause: error });
  }
  const { version, findings } = (value ?? {}) as { version?: unknown; findings?: unknown };
  if (version !== 1) throw new AuditError(`the baseline ${file} has version ${describe(version)}; allowed is 1`);
  if (!Array.isArray(findings))
    throw new AuditError(`the baseline ${file}: findings must be a list, got ${describe(findings)}`);
  const entries = findings.map((entry: unknown, index) =>
    checkEntry(entry, `the baseline ${file}: findings[${index}]`),
  );
  // A merge of two branches may leave the same entry twice.
  const merged = new Map<string, Entry>();
  for (const entry of entries) {
    const same = merged.get(entry.fingerprint);
    if (same) same.count = Math.max(same.count, entry.count);
    else merged.set(entry.fingerprint, entry);
  }
  return [...merged.values()];
}

function checkEntry(value: unknown, where: string): Entry {
  const { fingerprint, count, rule, file, subject, message } = (value ?? {}) as Record<string, unknown>;
  if (typeof fingerprint !== 'string')
    throw new AuditError(`${where}.fingerprint must be a string, got ${describe(fingerprint)}`);
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 1) {
    throw new AuditError(`${where}.count must be a whole number from 1, got ${describe(count)}`);
  }
  if (typeof rule !== 'string' || !Object.hasOwn(RULES, rule)) {
    throw new AuditError(`${where}.rule is ${describe(rule)}; allowed are ${Object.keys(RULES).join(', ')}`);
  }
  return {
    fingerprint,
    count,
    rule: rule as Rule,
    file: typeof file === 'string' ? file : '',
    ...(typeof subject === 'string' ? { subject } : {}),
    message: typeof message === 'string' ? message : '',
  };
}
