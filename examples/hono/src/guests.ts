// guests.ts: what may be done with guests. Each change says which queries it made stale.
import { broadcastSync } from 'pathcast';
import { deleteGuest, insertGuest, type Guest } from './store.js';

export { listGuests, type Guest } from './store.js';

export interface Session {
  companyId: string;
  userId: string;
}

/** Who asks. From a cookie or a token, never from what the client says of itself. Until then everyone is Ann of Acme. */
export function sessionOf(_request: unknown): Session {
  return { companyId: 'acme', userId: 'ann' };
}

export async function addGuest(session: Session, name: string): Promise<Guest> {
  const guest = await insertGuest(session.companyId, name); // has been committed
  tell('insert', guest.id, session);
  return guest;
}

export async function removeGuest(session: Session, id: string): Promise<void> {
  if (await deleteGuest(session.companyId, id)) tell('delete', id, session);
}

/** Never fails and never waits: a change does not depend on who hears of it. */
function tell(type: 'insert' | 'delete', entityId: string, session: Session): void {
  void broadcastSync({ type, module: 'guests', entityId, queryPaths: ['guests.getAll'], ...session });
}

/** The name in the body of a request, or undefined where there is none. */
export function nameOf(body: unknown): string | undefined {
  const name = typeof body === 'object' && body !== null ? (body as { name?: unknown }).name : undefined;
  return typeof name === 'string' && name.trim() !== '' ? name.trim().slice(0, 80) : undefined;
}
