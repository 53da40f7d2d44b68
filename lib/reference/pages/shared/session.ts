/** Logging in, and the unmodified tRPC client that belongs to the session. */
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import type { Offline } from '../../../offline/index.js';
import { offlineLink } from '../../../offline/link/index.js';
import type { PostgresAppRouter } from '../../postgres/routers.js';

export interface Person {
  userId: string;
  name: string;
  companyId: string;
  companyName: string;
}

export type Api = ReturnType<typeof createApi>;

export async function logIn(person: Person): Promise<string> {
  const response = await fetch('/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId: person.userId, companyId: person.companyId }),
  });
  const body = (await response.json()) as { token?: string; error?: { message: string } };
  if (body.token === undefined) throw new Error(body.error?.message ?? `login: status ${response.status}`);
  return body.token;
}

/** Pages and attachments are there where `sync.getStatus` says so. `token()` is asked anew for each request, so that a new login takes effect. */
export function createApi(token: () => string, sourceId: string, offline: Offline) {
  return createTRPCClient<PostgresAppRouter>({
    links: [offlineLink(offline), httpBatchLink({ url: '/trpc', headers: () => ({ authorization: `Bearer ${token()}`, 'x-source-id': sourceId }) })],
  });
}
