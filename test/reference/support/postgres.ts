/** A PostgreSQL with a database for each test, and clients of a reference server that has one. */
import { randomUUID } from 'node:crypto';
import { createTRPCClient, httpLink } from '@trpc/client';
import type { PostgresAppRouter } from '../../../lib/reference/postgres/routers.js';
import type { PostgresServer } from '../../support/postgres.js';
import { waitFor } from '../../support/wait.js';
import { post } from './server.js';

export const SLOT = 'pathcast_reference';

export function pagesApi(url: string, token: string, headers: Record<string, string> = {}) {
  return createTRPCClient<PostgresAppRouter>({ links: [httpLink({ url: `${url}/trpc`, headers: { authorization: `Bearer ${token}`, ...headers } })] });
}
export type PagesApi = ReturnType<typeof pagesApi>;

/** What a page sends beside a mutation. */
export const tx = (expected?: Record<string, string>, sourceId?: string) => ({ transactionId: randomUUID(), ...(expected && { expected }), ...(sourceId !== undefined && { sourceId }) });

export async function loginAt(url: string, companyId: string, userId: string): Promise<string> {
  const response = await post(`${url}/login`, { companyId, userId });
  if (response.status !== 200) throw new Error(`login: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { token: string }).token;
}

/** An empty database. */
export async function databaseOf(server: PostgresServer, name: string): Promise<{ url: string; sql: (text: string) => Promise<string[][]>; value: (text: string) => Promise<string> }> {
  await server.sql(`CREATE DATABASE ${name}`);
  return { url: server.url(name), sql: (text) => server.sql(text, { database: name }), value: (text) => server.value(text, { database: name }) };
}

/** The slot's name is one for the whole server: the next test has a database of its own. */
export async function dropSlot(server: PostgresServer): Promise<void> {
  await waitFor(async () => (await server.value(`SELECT count(*) FROM pg_replication_slots WHERE slot_name = '${SLOT}' AND active`)) === '0', 'the slot to be free');
  await server.sql(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${SLOT}'`);
}
