/** Which tables a piece of work reads and writes, seen from the SQL that it sends. */
import { isDeepStrictEqual } from 'node:util';
import type { RunningApp } from './app.js';
import type { Entry } from './entries.js';

const WRITTEN = /\b(?:insert into|update|delete from) "(\w+)"/gi;
const READ = /\b(?:from|join) "(\w+)"/gi;
/** Read by the session of every call. */
const NOT_DATA = 'sessions';

export interface Seen {
  reads: Set<string>;
  writes: Set<string>;
}

/** Runs `work` and reports the statements that were sent meanwhile: nothing else may run on the database then. */
export async function watchTables(app: RunningApp, work: () => Promise<unknown>): Promise<Seen> {
  const reads = new Set<string>();
  const writes = new Set<string>();
  const collect = (statement: string, pattern: RegExp, into: Set<string>): void => {
    for (const [, table = ''] of statement.matchAll(pattern)) if (table !== NOT_DATA) into.add(table);
  };
  const stop = app.module.onStatement((statement) => {
    collect(statement, WRITTEN, writes);
    collect(statement, READ, reads);
  });
  try {
    await work();
  } finally {
    stop();
  }
  return { reads, writes };
}

export interface Truth {
  entry: Entry;
  value: unknown;
  reads: Set<string>;
}

/** What the database says of an entry now. */
async function readOne(app: RunningApp, entry: Entry): Promise<Truth> {
  let value: unknown;
  const { reads } = await watchTables(app, async () => {
    value = await app.call(entry.path, entry.input);
  });
  return { entry, value, reads };
}

export async function readTruth(app: RunningApp, entries: readonly Entry[]): Promise<Truth[]> {
  const truths: Truth[] = [];
  for (const entry of entries) truths.push(await readOne(app, entry));
  return truths;
}

/** The same after `writes`: what reads none of these tables is as it was. */
export async function readAgain(app: RunningApp, before: readonly Truth[], writes: ReadonlySet<string>): Promise<Truth[]> {
  const truths: Truth[] = [];
  for (const truth of before) {
    const touched = [...truth.reads].some((table) => writes.has(table));
    truths.push(touched ? await readOne(app, truth.entry) : truth);
  }
  return truths;
}

export const differs = (a: unknown, b: unknown): boolean => !isDeepStrictEqual(a, b);
