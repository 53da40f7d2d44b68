/** What was found while a function was read, and how it looks from where the function was called. */
import type { Place, Unseen } from '../../report.js';
import type { HelperCall } from '../../model.js';
import type { Activation, Env } from '../code/environment.js';
import type { RawBroadcast, RawEffects, RawNote, RawRead, RawTelling, RawWrite } from '../types.js';

interface Item {
  /** For what a closure does: where the closure was made. Helpers between there and its call are no part of its way. */
  home?: Activation;
}
export type FoundItem<T> = T & Item;

export interface CollectedWrite extends RawWrite {
  database: 'tx' | 'bare';
  /** On a connection that every transaction of the process covers. */
  shared: boolean;
  /** The calls that led to it, outermost first. */
  sites: string;
}
export interface CollectedBroadcast extends RawBroadcast {
  conditions: readonly string[];
  afterCommit: boolean;
}

export interface Collected {
  broadcasts: FoundItem<CollectedBroadcast>[];
  writes: FoundItem<CollectedWrite>[];
  reads: FoundItem<RawRead>[];
  helpers: FoundItem<HelperCall>[];
  /** What tells somebody without query paths. */
  tells: FoundItem<RawTelling>[];
  unseen: Unseen[];
  /** What may have read a table and was not seen. */
  unread: Unseen[];
  notes: RawNote[];
  /** Functions that were not entered a second time: what is here is not all of them. */
  cut: Set<object>;
}

export function nothing(): Collected {
  return { broadcasts: [], writes: [], reads: [], helpers: [], tells: [], unseen: [], unread: [], notes: [], cut: new Set() };
}

/** Takes in what was kept apart, as it stands. */
export function add(from: Collected, into: Collected): void {
  into.broadcasts.push(...from.broadcasts);
  into.writes.push(...from.writes);
  into.reads.push(...from.reads);
  into.helpers.push(...from.helpers);
  into.tells.push(...from.tells);
  into.unseen.push(...from.unseen);
  into.unread.push(...from.unread);
  into.notes.push(...from.notes);
  for (const fn of from.cut) into.cut.add(fn);
}

/** How the items of a callee look to its caller. */
export interface Passage {
  env: Env;
  /** Added to the way; undefined for closures and for functions inside the one that is asked about. */
  name: string | undefined;
  /** The callee is a closure made here. */
  home: Activation | undefined;
  /** The whole of it runs inside one transaction. */
  ambient?: boolean;
  inLoop?: boolean;
  /** Of the call. */
  site?: string;
}

export function pass(from: Collected, into: Collected, passage: Passage): void {
  const { env } = passage;
  const here = env.activation;
  const inside = env.transaction !== undefined || passage.ambient === true;
  const ambient = env.transaction === 'ambient' || passage.ambient === true;
  const home = (item: Item): Item => {
    if (item.home !== undefined) return item.home === here ? {} : { home: item.home };
    return passage.home !== undefined && passage.home !== here ? { home: passage.home } : {};
  };
  const way = (item: Item, via: string[]): string[] => (item.home === undefined && passage.name !== undefined ? [passage.name, ...via] : via);
  for (const write of from.writes) {
    const { home: _, ...rest } = write;
    into.writes.push({
      ...rest,
      inTransaction: rest.inTransaction || ambient || (rest.shared && inside),
      inLoop: rest.inLoop || env.inLoop || passage.inLoop === true,
      via: way(write, rest.via),
      arms: [...env.arms, ...rest.arms],
      sites: `${passage.site ?? ''}>${rest.sites}`,
      ...home(write),
    });
  }
  for (const read of from.reads) {
    const { home: _, ...rest } = read;
    into.reads.push({ ...rest, via: way(read, rest.via), ...home(read) });
  }
  for (const broadcast of from.broadcasts) {
    const { home: _, ...rest } = broadcast;
    const conditions = [...env.conditions, ...rest.conditions];
    into.broadcasts.push({
      ...rest,
      inTransaction: rest.inTransaction || (inside && !rest.afterCommit),
      inLoop: rest.inLoop || env.inLoop || passage.inLoop === true,
      conditions,
      via: way(broadcast, rest.via),
      arms: [...env.arms, ...rest.arms],
      ...home(broadcast),
    });
  }
  for (const helper of from.helpers) {
    const { home: _, ...rest } = helper;
    into.helpers.push({ ...rest, via: way(helper, rest.via), ...home(helper) });
  }
  for (const { home: _, ...telling } of from.tells) into.tells.push({ ...telling, via: way({}, telling.via) });
  into.unseen.push(...from.unseen);
  into.unread.push(...from.unread);
  into.notes.push(...from.notes);
  for (const cut of from.cut) into.cut.add(cut);
}

const key = (place: Place): string => `${place.file}:${place.line}:${place.column}`;

/** The effects as they are handed out: doubles left out, in the order of their discovery. */
export function finish(collected: Collected): RawEffects {
  const writes = new Map<string, { write: RawWrite; sites: string }>();
  for (const { home: _home, database: _database, shared: _shared, sites, ...write } of collected.writes) {
    const id = [key(write), write.table, write.operation, write.via.join('>')].join('|');
    const known = writes.get(id)?.write;
    if (known === undefined) {
      writes.set(id, { write, sites });
      continue;
    }
    // Reached by two calls that can both happen: as good as a loop. After an error it is another try.
    const again = writes.get(id)?.sites !== sites && !excludeEachOther(known.arms, write.arms) && ![...known.arms, ...write.arms].some((arm) => arm.endsWith('/catch'));
    known.inLoop ||= write.inLoop || again;
    known.inTransaction &&= write.inTransaction;
    known.arms = known.arms.filter((arm, index) => write.arms[index] === arm);
  }
  const broadcasts = new Map<string, RawBroadcast>();
  for (const { home: _home, conditions, afterCommit: _after, ...broadcast } of collected.broadcasts) {
    const paths = broadcast.queryPaths.map((path) => path.path).join();
    const id = [key(broadcast), broadcast.by, paths, broadcast.via.join('>'), broadcast.mutation, broadcast.tool, broadcast.arms.join()].join('|');
    const condition = conditions.join(' && ');
    if (!broadcasts.has(id)) broadcasts.set(id, { ...broadcast, ...(condition === '' ? {} : { condition }) });
  }
  const helpers = new Map<string, HelperCall>();
  for (const { home: _, ...helper } of collected.helpers) helpers.set(`${key(helper.place)}|${helper.name}|${helper.database}|${helper.via.join('>')}`, helper);
  return {
    broadcasts: [...broadcasts.values()],
    writes: [...writes.values()].map(({ write }) => write),
    helpers: [...helpers.values()],
    reads: distinct(collected.reads, readId).map(({ home: _home, ...read }) => read),
    unread: distinct(collected.unread, (one) => `${key(one)}|${one.what}`),
    tells: distinct(collected.tells, (one) => [...one.via, one.by].join('>')),
    unseen: distinct(collected.unseen, (one) => `${key(one)}|${one.what}`),
    notes: distinct(collected.notes, (one) => `${key(one)}|${one.text}`),
  };
}

const readId = (read: RawRead): string => [key(read), read.table, read.via.join('>'), read.columns?.join() ?? '*', read.along ?? ''].join('|');

/** Of reads that one function meets twice, one. */
export function withoutDoubles(collected: Collected): void {
  if (collected.reads.length > 1) collected.reads = distinct(collected.reads, readId);
  if (collected.unread.length > 1) collected.unread = distinct(collected.unread, (one) => `${key(one)}|${one.what}`);
}

function excludeEachOther(a: readonly string[], b: readonly string[]): boolean {
  const branch = (arm: string): string => arm.slice(0, arm.lastIndexOf('/'));
  return a.some((arm) => b.some((other) => other !== arm && branch(other) === branch(arm)));
}

function distinct<T>(items: readonly T[], id: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [id(item), item])).values()];
}
