/** What a procedure's or a tool's name says about its action. */
import type { ActionType } from '../protocol/events.js';

const INSERTS = new Set(
  'add append clone copy create duplicate generate import insert invite make new register seed upload'.split(' '),
);
const DELETES = new Set('clear delete destroy discard drop erase purge remove trash wipe'.split(' '));
/** Words in front of the verb that say how much, not what. */
const AMOUNTS = new Set('all batch bulk hard many mass multi quick soft'.split(' '));

/** By the first verb: `bulkImport` inserts, `deleteMany` deletes, `add_guest` inserts. Whatever else there is updates. */
export function typeOfName(path: string): ActionType {
  const last = path.slice(path.lastIndexOf('.') + 1);
  const words = last
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[\s_-]+/);
  const verb = words.find((word) => word !== '' && !AMOUNTS.has(word)) ?? '';
  if (INSERTS.has(verb)) return 'insert';
  return DELETES.has(verb) ? 'delete' : 'update';
}

/** The path of the router that a procedure is in; a procedure at the root is a module of its own. */
export function moduleOfPath(path: string): string {
  const dot = path.lastIndexOf('.');
  return dot < 0 ? path : path.slice(0, dot);
}

/** `guests` → `guest`, `companies` → `company`: what a field for one row's id begins with. */
export function singular(name: string): string {
  if (name.endsWith('ies')) return `${name.slice(0, -3)}y`;
  return name.endsWith('s') && !name.endsWith('ss') ? name.slice(0, -1) : name;
}
