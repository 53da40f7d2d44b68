/** The texts of what is rendered here, each replaceable. */
import type { OfflineStatus, OutboxEntry } from '../offline/types.js';

export interface ConflictLabels {
  /** The dialog's name. */
  title: (entry: OutboxEntry) => string;
  /** Which row it is, as people know it. */
  row: (entry: OutboxEntry) => string;
  /** What it is about. `nth` of `count`, from 1. */
  intro: (entry: OutboxEntry, nth: number, count: number) => string;
  /** A field's name, as people know it. */
  field: (field: string, entry: OutboxEntry) => string;
  /** `by`: a user's id, null where nobody knows. `at`: Unix ms. */
  changed: (by: string | null, at: number | null) => string;
  mine: string;
  theirs: string;
  base: string;
  /** A text of both. */
  text: string;
  /** Beside a text in which both changed the same place. */
  overlap: string;
  empty: string;
  unknown: string;
  deleted: string;
  keepMine: string;
  keepTheirs: string;
  merge: string;
  later: string;
  /** It was decided elsewhere while the person was about to; and the button that ends that. */
  elsewhere: string;
  close: string;
  /** A decision did not arrive. */
  failed: (error: unknown) => string;
}

const timeOf = (at: number): string => new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export const CONFLICT_LABELS: ConflictLabels = {
  title: ({ kind }) => (kind === 'delete' ? 'You deleted what somebody else has changed' : 'Somebody else has changed this too'),
  row: ({ entity, entityId, path }) => (entity === undefined ? path : [entity, entityId].join(' ')),
  intro: (_entry, nth, count) => `${count > 1 ? `${nth} of ${count}. ` : ''}Nothing of yours is lost: it waits here until you decide.`,
  field: (field) => field,
  changed: (by, at) => `Changed by ${by ?? 'somebody'}${at === null ? '' : `, ${timeOf(at)}`}`,
  mine: 'Yours',
  theirs: 'Theirs',
  base: 'Before',
  text: 'Both, as one text',
  overlap: 'Both of you changed the same place: look it over.',
  empty: 'empty',
  unknown: 'not known any more',
  deleted: 'deleted',
  keepMine: 'Keep mine',
  keepTheirs: 'Keep theirs',
  merge: 'Merge',
  later: 'Later',
  elsewhere: 'This was decided in another window. What you wrote is not sent: copy what you need of it.',
  close: 'Close',
  failed: (error) => `That could not be done: ${error instanceof Error ? error.message : String(error)}`,
};

export interface BadgeLabels {
  offline: (unsent: number) => string;
  sending: (unsent: number) => string;
  conflicted: (count: number) => string;
  failed: (count: number) => string;
  unauthorized: (unsent: number) => string;
  /** A newer version of the app has kept them; this one does not know how to send them. */
  outdated: (unsent: number) => string;
  /** The browser keeps nothing, or nothing more, or has deleted what was kept. */
  storage: (storage: Exclude<OfflineStatus['storage'], 'ok'>) => string;
  saved: string;
}

const changes = (count: number): string => `${count} ${count === 1 ? 'change' : 'changes'}`;

export const BADGE_LABELS: BadgeLabels = {
  offline: (unsent) => (unsent === 0 ? 'Offline' : `Offline, ${changes(unsent)} kept here`),
  sending: (unsent) => `Saving ${changes(unsent)}`,
  conflicted: (count) => (count === 1 ? '1 change needs you' : `${count} changes need you`),
  failed: (count) => `${changes(count)} not saved`,
  unauthorized: (unsent) => `Sign in to save ${changes(unsent)}`,
  outdated: (unsent) => `Reload this page to save ${changes(unsent)}`,
  storage: (storage) =>
    ({
      full: 'This browser has no room left to keep changes',
      lost: 'This browser has deleted changes that were not saved',
      unavailable: 'Changes cannot be kept in this browser',
    })[storage],
  saved: 'All saved',
};

export interface RefusedLabels {
  /** The list's name. */
  title: string;
  /** Which change it is. */
  change: (entry: OutboxEntry) => string;
  why: (entry: OutboxEntry) => string;
  retry: string;
  discard: string;
}

const DONE: Readonly<Record<OutboxEntry['kind'], string>> = { create: 'New', update: 'Changed', delete: 'Deleted', other: '' };

export const REFUSED_LABELS: RefusedLabels = {
  title: 'Not saved',
  change: ({ kind, path, entity, entityId, fields }) => (DONE[kind] && entity !== undefined ? `${DONE[kind]}: ${[entity, entityId, ...Object.keys(fields)].join(' ')}` : path),
  // What an error of a proxy says is no answer to that.
  why: ({ reason, error }) => (reason === 'unknown_outcome' ? 'Nobody knows whether the server has done it.' : (error?.message ?? 'This version of the app cannot send it.')),
  retry: 'Try again',
  discard: 'Discard',
};
