/**
 * What the audit says that procedures write and read, against a real PostgreSQL (PGlite) on which they run: code bases made at random,
 * each procedure of one of many shapes. No table that a mutation changes may be missing, cascades and triggers included, and none that
 * the plan of a query reads, unless the audit says that it has not seen all. `PATHCAST_AUDIT_ORACLE=5000` tries so many pairs of a
 * mutation and a query; `PATHCAST_AUDIT_ORACLE_SEED` begins at another seed, which a failure names.
 */
import { writeFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { audit } from '../../lib/cli/audit/index.js';
import { CodeBase } from './support/cli.js';
import { makeCodeBase, MUTATIONS, QUERIES } from './oracle/generate.js';
import { runAll } from './oracle/run.js';

/** Of one code base: the compiler starts once for as many. */
const PAIRS = 250;
const TOTAL = Number(process.env['PATHCAST_AUDIT_ORACLE'] ?? 2 * Object.keys(QUERIES).length);
const SEED = Number(process.env['PATHCAST_AUDIT_ORACLE_SEED'] ?? 1);

interface Tally {
  pairs: number;
  changes: number;
  reads: number;
  /** Queries that the audit says it has not seen to the end. */
  open: number;
  /** Tables that were named and not met: a branch that did not run, a row that was not there. */
  more: number;
}

test('shapes enough', () => {
  expect(Object.keys(MUTATIONS).length).toBeGreaterThanOrEqual(12);
  expect(Object.keys(QUERIES).length).toBeGreaterThanOrEqual(12);
});

test(`${TOTAL} mutations and as many queries: no table is missed in silence`, async () => {
  const tally: Tally = { pairs: 0, changes: 0, reads: 0, open: 0, more: 0 };
  const missed: string[] = [];
  for (let seed = SEED; tally.pairs < TOTAL; seed++) {
    const pairs = Math.min(PAIRS, TOTAL - tally.pairs);
    missed.push(...(await compare(seed, pairs, tally)).map((line) => `seed ${seed}, ${pairs} pairs: ${line}`));
    tally.pairs += pairs;
    if (missed.length > 20) break;
  }
  process.stdout.write(`audit oracle from seed ${SEED}: ${JSON.stringify(tally)}\n`);
  expect(missed).toEqual([]);
  // It has looked: nearly each mutation changes something, and nearly each query reads something.
  expect(tally.changes).toBeGreaterThan(TOTAL);
  expect(tally.reads).toBeGreaterThan(TOTAL);
  // Two shapes of queries cannot be seen; all others are.
  expect(tally.open).toBeLessThanOrEqual(Math.ceil(TOTAL / Object.keys(QUERIES).length) * 2 + 2);
}, Math.max(120_000, TOTAL * 600));

async function compare(seed: number, pairs: number, tally: Tally): Promise<string[]> {
  const made = makeCodeBase(seed, pairs);
  const app = new CodeBase(made.files);
  try {
    const keep = process.env['PATHCAST_AUDIT_ORACLE_KEEP'];
    if (keep !== undefined) {
      for (const [file, text] of Object.entries(made.files)) {
        mkdirSync(path.dirname(path.join(keep, file)), { recursive: true });
        writeFileSync(path.join(keep, file), text);
      }
    }
    const report = audit(app.folder);
    const truth = await runAll(made);
    const missed: string[] = [];
    for (const { path: name, tables } of report.mutations) {
      const changed = truth.changed.get(name) ?? new Set();
      const isOpen = tables.includes('?') || report.unseen.some(({ subject }) => subject === name);
      tally.changes += changed.size;
      tally.more += tables.filter((table) => !changed.has(table)).length;
      const gone = [...changed].filter((table) => !tables.includes(table));
      if (gone.length > 0 && !isOpen) missed.push(`${name} (${made.mutations.get(name)}) changes ${gone.join(', ')}, beside ${tables.join(', ') || 'nothing'}`);
    }
    for (const { path: name, tables, complete } of report.queries) {
      const read = truth.read.get(name) ?? new Set();
      tally.reads += read.size;
      tally.open += complete ? 0 : 1;
      tally.more += tables.filter((table) => !read.has(table)).length;
      const gone = [...read].filter((table) => !tables.includes(table));
      if (gone.length > 0 && complete) missed.push(`${name} (${made.queries.get(name)}) reads ${gone.join(', ')}, beside ${tables.join(', ') || 'nothing'}`);
    }
    const missing = [...made.mutations.keys(), ...made.queries.keys()].filter((name) => ![...report.mutations, ...report.queries].some((one) => one.path === name));
    return [...missed, ...missing.map((name) => `${name} was not found`)];
  } finally {
    app.remove();
  }
}
