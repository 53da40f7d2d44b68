/**
 * Who looks at this page: three people of two companies. The companies' ids carry the workspace
 * that stands after the `#` of the address, so that everyone gets rows of their own. A browser keeps its
 * own: a second tab shows the same rows, and shares the streams of the first. Where several servers share a Redis they name one
 * workspace for all (a cookie), so that a change at one is seen at the others.
 */
import type { Person } from '../shared/session.js';

const LENGTH = 6;
const KEPT = 'pathcast workspace';

function freshName(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  const random = crypto.getRandomValues(new Uint8Array(LENGTH));
  return [...random].map((value) => letters[value % letters.length]).join('');
}

/** The workspace of this address; a new one is written into it. */
export function currentWorkspace(): string {
  const named = /^#([a-z0-9-]{1,32})$/.exec(location.hash)?.[1];
  if (named !== undefined) return named;
  const ofAll = /(?:^|; )pathcast-workspace=([a-z0-9-]{1,32})/.exec(document.cookie)?.[1];
  return enter(ofAll ?? localStorage.getItem(KEPT) ?? freshName());
}

export function startOver(): void {
  enter(freshName());
  location.reload();
}

function enter(workspace: string): string {
  localStorage.setItem(KEPT, workspace);
  history.replaceState(null, '', `#${workspace}`);
  return workspace;
}

export function peopleOf(workspace: string): readonly Person[] {
  const meadow = { companyId: `meadow-${workspace}`, companyName: 'Meadow Weddings' };
  const harbour = { companyId: `harbour-${workspace}`, companyName: 'Harbour Events' };
  return [
    { userId: 'ada', name: 'Ada', ...meadow },
    { userId: 'bilal', name: 'Bilal', ...meadow },
    { userId: 'chen', name: 'Chen', ...harbour },
  ];
}
