/** Who reads and who writes each table. */
import type { QueryReport, TableReport } from '../report.js';
import type { Facts, RootFacts } from './facts.js';
import { placeKey, placeOf } from './fingerprint.js';
import { routerOf } from './paths.js';
import { distinct } from './words.js';

export function queriesOf(root: RootFacts): QueryReport[] {
  return root.procedures.flatMap(({ procedure, reads = [], unread = [] }): QueryReport[] => {
    if (procedure.kind !== 'query') return [];
    const { path, place } = procedure;
    return [{ path, router: routerOf(path), reads: [...reads], tables: distinct(reads.map((read) => read.table)), complete: unread.length === 0, ...placeOf(place) }];
  });
}

/** A procedure that two roots mount is named once, as the first does. */
export function tablesOf({ roots, executors }: Pick<Facts, 'roots' | 'executors'>): TableReport[] {
  const tables = new Map<string, { writers: Set<string>; readers: Set<string> }>();
  const at = (name: string): { writers: Set<string>; readers: Set<string> } => {
    const known = tables.get(name) ?? { writers: new Set(), readers: new Set() };
    tables.set(name, known);
    return known;
  };
  const seen = new Set<string>();
  roots.forEach((root, index) => {
    const named = (path: string): string => (index === 0 ? path : `${root.name} ${path}`);
    for (const { procedure, reads = [], writes = [], effects } of root.procedures) {
      const key = `${placeKey(procedure.place)} ${procedure.kind}`;
      // A factory's procedures share a place, and each has tables of its own.
      if (index > 0 && seen.has(key)) continue;
      if (index === 0) seen.add(key);
      for (const { table } of reads) at(table).readers.add(named(procedure.path));
      for (const table of [...writes, ...(effects?.writes.map((write) => write.table) ?? [])]) at(table).writers.add(named(procedure.path));
    }
  });
  for (const { tools } of executors) for (const { tool, effects } of tools) for (const { table } of effects.writes) at(table).writers.add(`tool ${tool}`);
  tables.delete('?');
  return [...tables]
    .map(([name, { writers, readers }]) => ({ name, writers: [...writers].sort(), readers: [...readers].sort() }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
