/** Judges one mutation: what it broadcasts, what it writes, and how the two agree. */
import type { RawBroadcast, RawEffects } from '../effects/types.js';
import type { Broadcast, MutationReport, PathUse, Place } from '../report.js';
import { nonAtomic, transactionOf } from './atomicity.js';
import { optionalPart } from './conditions.js';
import type { Hints, ProcedureFacts } from './facts.js';
import { placeOf, type Found } from './fingerprint.js';
import type { OriginFields } from './origins.js';
import type { TableOwners } from './modules.js';
import { lastSegment, moduleOf, routerOf, tellsOf, type PathJudge } from './paths.js';
import type { SyncMap } from './sync-map.js';
import { distinct, keyOf, listed, plural } from './words.js';

export interface Context {
  judge: PathJudge;
  owners: TableOwners;
  sync: SyncMap;
  hints: Hints;
  origins: OriginFields;
  /** Tables that the database's log tells of. */
  logged: readonly string[];
  found: Found[];
}

/** A mutation's report, with what later rules need beside it. */
export interface Judged {
  report: MutationReport;
  effects: RawEffects | undefined;
  /** Paths that reach clients, after aliases; what the map closes over included. */
  reaches: readonly string[];
  /** Whether `reaches` is all there is. */
  complete: boolean;
}

/** What a path tells of. A phantom of a module that is only spelt otherwise is reported as such, and tells of that module. */
function meantBy({ path, alias, nearest = [] }: PathUse): string[] {
  if (alias !== undefined) return [alias];
  const module = moduleOf(nearest[0] ?? '');
  return module !== '' && keyOf(lastSegment(module)) === keyOf(lastSegment(moduleOf(path))) ? [path, module] : [path];
}

const NO_EFFECTS: RawEffects = { broadcasts: [], writes: [], reads: [], helpers: [], tells: [], unseen: [], unread: [], notes: [] };

/** @param more Queries of the router it is on, where that is not the root. */
export function judgeMutation(
  { procedure, effects }: ProcedureFacts,
  context: Context,
  more?: ReadonlySet<string>,
): Judged {
  const { path, place } = procedure;
  const seen = effects ?? NO_EFFECTS;
  const told = seen.tells.map(({ via, by }) => `tells somebody through ${[...via, by].join(' → ')}, which carries no query paths`);
  const notes = distinct([...seen.notes.map((note) => note.text), ...told]);
  const { broadcasts, declared } = resolve(path, seen, context, notes, more);
  const silent = broadcasts.length > 0 ? undefined : (declared ?? context.hints.silent.get(path));
  const writes = seen.writes.map(({ arms: _, nested: _nested, ...write }) => write);
  const tables = distinct(writes.map((write) => write.table));
  const reaches = distinct(broadcasts.flatMap((broadcast) => broadcast.queryPaths.flatMap(meantBy)));
  const complete = broadcasts.every((broadcast) => broadcast.complete);
  const blind = effects === undefined || seen.unseen.length > 0;
  const report: MutationReport = {
    path,
    router: routerOf(path),
    broadcast: broadcasts.length > 0 ? 'yes' : silent !== undefined ? 'silent' : blind ? 'unknown' : 'no',
    ...(silent === undefined ? {} : { silent }),
    broadcasts,
    transaction: transactionOf(seen.writes),
    writes,
    tables,
    queryPaths: distinct(broadcasts.flatMap((broadcast) => broadcast.queryPaths.map((use) => use.path))),
    notes,
    ...placeOf(place),
  };
  const judged: Judged = { report, effects, reaches, complete };
  judgeSilence(report, context);
  for (const broadcast of broadcasts) judgeBroadcast(broadcast, report, context);
  judgeAtomicity(seen, report, context);
  if (report.broadcast === 'yes') judgeCascades(judged, context);
  return judged;
}

function resolve(
  mutation: string,
  { broadcasts }: RawEffects,
  { judge, sync, found }: Context,
  notes: string[],
  more: ReadonlySet<string> | undefined,
): { broadcasts: Broadcast[]; declared: string | undefined } {
  const byHand = broadcasts.filter((raw) => raw.mutation === undefined && raw.tool === undefined);
  const always = byHand.some((raw) => raw.condition === undefined);
  const resolved: Broadcast[] = [];
  let declared = sync.mutation(mutation)?.silent;
  for (const raw of broadcasts) {
    const named = raw.mutation ?? raw.tool;
    if (named === undefined) {
      const queryPaths = raw.queryPaths.map((path) => judge.judge(path, mutation, { more }));
      resolved.push({ ...plain(raw), queryPaths });
      continue;
    }
    const entry = raw.mutation === undefined ? sync.tool(named) : sync.mutation(named);
    if (!entry) {
      if (sync.declared && sync.complete) {
        // The hub then broadcasts all that is below the router.
        const prefix = routerOf(named) || '*';
        notes.push(`no entry in the invalidation map for ${named}: all of ${prefix} goes out`);
        resolved.push({ ...plain(raw), queryPaths: [judge.judge({ path: prefix, ...placeOf(raw) }, mutation)] });
        if (named !== mutation) {
          const message = `${named} is announced, and the invalidation map has no entry for it`;
          found.push({ rule: 'invalid-map', place: placeOf(raw), message, subject: mutation, detail: named });
        }
      } else {
        notes.push(`what the invalidation map says of ${named} could not be read`);
        resolved.push({ ...plain(raw), queryPaths: [], complete: false });
      }
      continue;
    }
    if (entry.silent !== undefined) {
      declared ??= entry.silent;
      continue;
    }
    if (always && raw.by === 'middleware') {
      const reached = byHand.flatMap((one) => one.queryPaths.map((path) => judge.effective(path.path)));
      const left = entry.paths.filter(({ path }) => !reached.some((one) => tellsOf(one, path)));
      if (left.length > 0)
        notes.push(`broadcasts by hand and leaves out ${listed(left.map(({ path }) => path))} of the map`);
      continue;
    }
    resolved.push({
      ...plain(raw),
      queryPaths: entry.paths.map((path) => judge.judge(path, mutation, { as: 'invalid-map' })),
      complete: entry.complete,
      ...(entry.module === undefined ? {} : { module: entry.module }),
    });
  }
  return { broadcasts: resolved, declared };
}

function plain({
  arms: _arms,
  inLoop: _loop,
  mutation: _mutation,
  tool: _tool,
  type: _type,
  ...broadcast
}: RawBroadcast): Omit<Broadcast, 'queryPaths'> & { queryPaths: PathUse[] } {
  return { ...broadcast, queryPaths: [] };
}

function judgeSilence(report: MutationReport, { sync, found }: Context): void {
  if (report.broadcast !== 'no') return;
  const { path, tables, writes } = report;
  const entry = sync.mutation(path);
  const unused = entry
    ? '; the invalidation map has an entry for it, but sync.middleware() is not on its procedure'
    : '';
  if (writes.length === 0) {
    report.notes.push('no write seen');
    const message = `${path} broadcasts nothing; no write seen${unused}`;
    found.push({ rule: 'silent', place: placeOf(report), subject: path, message, severity: entry ? 'error' : 'note' });
    return;
  }
  const message = `${path} writes ${listed(tables.map(tableName))} and broadcasts nothing${unused}`;
  found.push({ rule: 'silent', place: placeOf(report), subject: path, message });
}

function judgeBroadcast(broadcast: Broadcast, report: MutationReport, { origins, found }: Context): void {
  const { path, notes } = report;
  const add = (rule: Found['rule'], message: string, detail: string): void => {
    found.push({ rule, place: placeOf(broadcast), subject: path, message: `${path}: ${message}`, detail });
  };
  const call = `${broadcast.by}${through(broadcast.via)}`;
  if (broadcast.inTransaction) {
    add(
      'broadcast-in-transaction',
      `${call} runs inside the transaction that it tells of; clients may read what is not yet committed`,
      call,
    );
  }
  for (const field of ['clientId', 'userId'] as const) {
    if (broadcast[field] !== 'no') continue;
    const { others, carry } = origins.besides(broadcast, field);
    const rule = field === 'clientId' ? 'missing-client-id' : 'missing-user-id';
    if (carry === 0) continue;
    const figure = `${carry} of ${plural(others, 'other broadcast')} ${carry === 1 ? 'carries' : 'carry'} one`;
    if (carry * 2 >= others) add(rule, `${call} has no ${field}; ${figure}`, call);
    else notes.push(`no ${field} (${figure})`);
  }
  if (broadcast.condition !== undefined) {
    const optional = optionalPart(broadcast.condition);
    if (optional === undefined) notes.push(`broadcasts only if ${broadcast.condition}`);
    else add('conditional-broadcast', `${call} is skipped where ${optional} is missing`, broadcast.condition);
  }
  if (!broadcast.complete) notes.push(`part of the query paths of ${call} is computed`);
}

function judgeAtomicity(effects: RawEffects, report: MutationReport, { found }: Context): void {
  const parts = nonAtomic(effects.writes);
  if (parts) {
    const what = distinct(parts.writes.map((write) => `${write.operation} ${tableName(write.table)}`));
    const count =
      parts.loop && parts.writes.length === 1
        ? 'writes in a loop'
        : `${plural(parts.writes.length, 'write')}${parts.loop ? ', in a loop,' : ''}`;
    const message = `${report.path}: ${count} outside a transaction (${listed(what)}); a failure leaves a part done`;
    const first: Place = parts.writes.find((write) => write.via.length === 0) ?? report;
    found.push({ rule: 'non-atomic', place: placeOf(first), subject: report.path, message });
  } else if (report.transaction === 'partly') {
    report.notes.push('one write is outside the transaction');
  }
}

function judgeCascades({ report, reaches, complete }: Judged, { owners, logged, found }: Context): void {
  // What a layer of the code base's own tells of is its own affair.
  if (report.broadcasts.some((broadcast) => broadcast.tells === true)) return;
  const missing = new Map<string, { tables: Set<string>; via: Set<string> }>();
  for (const write of report.writes) {
    const owner = owners.ownerOf(write.table);
    // What the database writes along its log tells of, with the author of the transaction.
    if (write.because !== undefined && logged.some((table) => keyOf(lastSegment(table)) === keyOf(lastSegment(write.table)))) continue;
    if (!owner || owner.modules.some((module) => reaches.some((path) => tellsOf(path, module)))) continue;
    const module = owner.modules.join(' or ');
    const one = missing.get(module) ?? { tables: new Set(), via: new Set() };
    one.tables.add(write.table);
    for (const name of write.via.slice(-1)) one.via.add(name);
    missing.set(module, one);
  }
  if (missing.size === 0) return;
  if (!complete) {
    report.notes.push(`writes to ${listed([...missing.keys()])}; whether its broadcast tells of that is computed`);
    return;
  }
  const at = report.broadcasts[0] ?? report;
  for (const [module, { tables, via }] of missing) {
    const by = via.size > 0 ? ` (through ${listed([...via])})` : '';
    const message = `${report.path} writes ${listed([...tables])}${by} and broadcasts nothing of ${module}`;
    found.push({ rule: 'cascade', place: placeOf(at), subject: report.path, message, detail: module });
  }
}

export const through = (via: readonly string[]): string => (via.length > 0 ? ` (through ${via.join(' → ')})` : '');
const tableName = (table: string): string => (table === '?' ? 'a computed table' : table);
