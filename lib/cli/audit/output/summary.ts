/** What a report comes to in some lines, and its long lists made short. */
import { plural } from '../findings/words.js';
import type { AuditReport, Finding, TableReport, Unseen } from '../report.js';
import { at, percent } from '../../terminal/text.js';

/** The figures that an owner asks for first. */
export function summaryOf({ totals, mutations, queries, layer, baseline }: AuditReport): string[] {
  const writing = mutations.filter((mutation) => mutation.writes.length > 0).length;
  const lines = [`${plural(totals.mutations, 'mutation')}: ${writing} write, ${totals.nonAtomic} of them not in one transaction, ${totals.unknown} could not be followed to the end.`];
  const reading = queries.filter((query) => query.tables.length > 0);
  if (reading.length > 0) {
    const open = queries.filter((query) => !query.complete).length;
    const read = new Set(reading.flatMap((query) => query.tables)).size;
    lines.push(`${plural(reading.length, 'query', 'queries')} of ${totals.queries} ${reading.length === 1 ? 'reads' : 'read'} ${plural(read, 'table')}; ${open} could not be followed to the end.`);
  }
  if (layer === 'none') {
    lines.push('No function was found that tells clients of a change. If you have one, name it under "broadcasts" in pathcast.audit.json, such as "notifyAll" or "pusher.trigger". Else this is the list of what would need one.');
  } else {
    const declared = totals.declaredSilent > 0 ? `, ${totals.declaredSilent} are silent on purpose` : '';
    lines.push(`${totals.broadcasting} tell clients, ${totals.silent} do not${declared}: coverage ${percent(totals.coverage)}.`);
  }
  if (totals.phantomPaths > 0) lines.push(`${plural(totals.phantomPaths, 'query path')} that no query has, in ${plural(totals.phantomUses, 'place')}.`);
  if (baseline) lines.push(`${baseline.known} known, ${baseline.new} new.`);
  return lines;
}

/** What to do, the most worth first. */
export function nextOf({ totals, mutations, layer, unseen }: AuditReport): string[] {
  const next: string[] = [];
  if (totals.phantomPaths > 0) next.push('Correct the query paths under "Phantom query paths": each makes nothing stale today.');
  if (layer === 'seen' && totals.silent > totals.silentWithoutWrites) next.push('Look at the mutations that write and tell nobody: broadcast, or say why not under "silent" in pathcast.audit.json.');
  const own = new Set(mutations.flatMap(({ notes }) => notes.flatMap((note) => TELLS.exec(note)?.[1]?.split(' → ').at(-1) ?? [])));
  if (own.size > 0) next.push(`Name what tells your clients under "broadcasts" in pathcast.audit.json; seen were ${[...own].slice(0, MAX_NAMED).join(', ')}.`);
  if (totals.nonAtomic > 0) next.push('Put the writes under "non-atomic" into one transaction each, or name your own wrapper under "transactions" in pathcast.audit.json.');
  if (unseen.some(({ why }) => why.includes('--budget'))) next.push('The time for this run was spent: give more with --budget, or read one router with --router.');
  else if (totals.unknown > 0) next.push('Read "Not seen" for what could not be followed.');
  return next;
}

const TELLS = /^tells somebody through (.+), which carries no query paths$/;
/** Names in one line. */
const MAX_NAMED = 6;
/** Places of one thing that are shown. */
const MAX_PLACES = 3;

export interface Line {
  text: string;
  place: string;
}

/** One line for each distinct phantom: who uses it, and where first. */
export function phantomLines(findings: readonly Finding[], phantoms: AuditReport['phantoms']): Line[] {
  const right = new Map(phantoms.map((phantom) => [phantom.path, phantom.nearest[0]]));
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const path = finding.message.split(' is no query')[0] ?? finding.message;
    const key = `${path}${finding.known === true ? ' [known]' : ''}`;
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups].map(([key, own]): Line => {
    const path = key.replace(' [known]', '');
    const nearest = right.get(path);
    const users = [...new Set(own.map(({ subject }) => subject ?? 'phantom'))];
    const named = users.length > MAX_NAMED ? `${users.slice(0, MAX_NAMED).join(', ')} and ${users.length - MAX_NAMED} more` : users.join(', ');
    return { text: `${path}${nearest === undefined ? '' : ` → ${nearest}`}${key.slice(path.length)}: in ${named}`, place: placesOf(own).join(', ') };
  });
}

function placesOf(all: readonly { file: string; line: number }[]): string[] {
  const places = [...new Set(all.map((one) => at(one)))];
  return places.length > MAX_PLACES ? [...places.slice(0, MAX_PLACES), `… and ${places.length - MAX_PLACES} more`] : places;
}

/** Those first that most goes through: a table that is only written, or only read, makes nothing stale. */
export function busiestTables(tables: readonly TableReport[]): TableReport[] {
  const weight = ({ writers, readers }: TableReport): number => Math.min(writers.length, readers.length) * 1_000 + writers.length + readers.length;
  return [...tables].sort((a, b) => weight(b) - weight(a) || (a.name < b.name ? -1 : 1));
}

export interface UnseenGroup {
  what: string;
  why: string;
  places: string[];
  subjects: string[];
}

/** What was not seen for one reason at one kind of call, once: with the places, and who meets it. */
export function groupedUnseen(unseen: readonly Unseen[]): UnseenGroup[] {
  const groups = new Map<string, Unseen[]>();
  for (const one of unseen) {
    const key = JSON.stringify([one.what, one.why]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].flatMap((all) => {
    const [first] = all;
    if (!first) return [];
    return [{ what: first.what, why: first.why, places: placesOf(all), subjects: [...new Set(all.flatMap(({ subject }) => subject ?? []))] }];
  });
}
