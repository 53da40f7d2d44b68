// actions.ts: server actions. Each says which queries it made stale, after the database has committed.
'use server';

import { broadcastSync } from 'pathcast';
import { sessionOf } from '../lib/session';
import { deleteGuest, insertGuest } from '../lib/store';

export async function addGuest(form: FormData): Promise<void> {
  const session = await sessionOf();
  const name = String(form.get('name') ?? '').trim().slice(0, 80);
  if (name === '') return;
  const guest = await insertGuest(session.companyId, name);
  await tell('insert', guest.id);
}

export async function removeGuest(id: string): Promise<void> {
  const session = await sessionOf();
  if (await deleteGuest(session.companyId, id)) await tell('delete', id);
}

/** Never fails: a change does not depend on who hears of it. */
async function tell(type: 'insert' | 'delete', entityId: string): Promise<void> {
  await broadcastSync({ type, module: 'guests', entityId, queryPaths: ['guests.getAll'], ...(await sessionOf()) });
}
