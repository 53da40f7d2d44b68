/** What a run prints and writes. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import path from 'node:path';
import { pinned } from './child.mjs';
import { root } from './paths.mjs';
import { rounded } from './stats.mjs';

const git = (...args) => {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
};

/** What a figure depends on besides the code. */
export function surroundings() {
  const commit = git('rev-parse', '--short', 'HEAD') || 'unknown';
  const dirty = git('status', '--porcelain') === '' ? '' : ' with changes';
  return {
    commit: `${commit}${dirty}`,
    node: process.version,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    pinned: pinned ? 'server on core 0, load on core 1' : 'no: one core',
    loadBefore: rounded(loadavg()[0]),
    date: new Date().toISOString(),
  };
}

/** Columns as wide as their widest cell; all but the first to the right. */
export function layOut(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const pad = (cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]));
  return lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n');
}

const grouped = (value) => rounded(value).toLocaleString('en-US', { maximumSignificantDigits: 4 });

/** One line a subject, one column a metric, `± %` where trials differed. */
export function table(rows) {
  const subjects = [...new Set(rows.map(({ subject }) => subject))];
  const columns = [...new Map(rows.map(({ metric, unit }) => [metric, unit]))];
  const cell = (subject, metric) => {
    const row = rows.find((candidate) => candidate.subject === subject && candidate.metric === metric);
    if (!row) return '-';
    const percent = Math.round(row.spread * 100);
    return `${grouped(row.value)}${percent > 0 ? ` ±${percent}%` : ''}`;
  };
  return layOut([
    ['', ...columns.map(([metric]) => metric)],
    ['', ...columns.map(([, unit]) => unit)],
    ...subjects.map((subject) => [subject, ...columns.map(([metric]) => cell(subject, metric))]),
  ]);
}

export const verdictLine = ({ subject, metric, value, unit, bound, sense, met }) =>
  `${met ? 'met   ' : 'MISSED'} ${subject} ${metric}: ${grouped(value)} (${sense} ${grouped(bound)} ${unit})`;

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function writeJson(file, value) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.tmp`, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(`${file}.tmp`, file);
}

/**
 * Puts a scenario's rows into `file`, beside those of other scenarios that ran before; and into `*-details.json`
 * what else is known: spread, single trials, commit and machine.
 */
export function save(file, name, rows, about) {
  const results = (existsSync(file) && readJson(file)) || { scenarios: {} };
  results.scenarios[name] = rows.map(({ subject, metric, value, unit }) => ({ subject, metric, value: rounded(value), unit }));
  writeJson(file, results);

  const detailsFile = file.replace(/(\.json)?$/, '-details.json');
  const details = (existsSync(detailsFile) && readJson(detailsFile)) || { scenarios: {} };
  details.scenarios[name] = { ...about, rows };
  writeJson(detailsFile, details);
}
