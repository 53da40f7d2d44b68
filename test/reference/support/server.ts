/** A reference server of the test's own, on any free port, with an in-memory database. */
import { createServer, type ReferenceServer, type ServerOptions } from '../../../lib/reference/server.js';
import { readSettings } from '../../../lib/reference/settings.js';
import type { Role } from '../../../lib/reference/auth/session.js';

export interface TestServer extends ReferenceServer {
  url: string;
}

export const TEST_SECRET = 'a secret that only the tests know about';

const DEFAULTS = {
  PORT: '0',
  HOST: '127.0.0.1',
  SESSION_SECRET: TEST_SECRET,
  PATHCAST_DB: ':memory:',
  PATHCAST_DEMO_DATA: '0',
  PATHCAST_DRAIN_MS: '0',
  LOG_LEVEL: 'silent',
  // `PATHCAST_ENGINE=js npx jest test/reference` runs everything here on the other engine.
  PATHCAST_ENGINE: process.env['PATHCAST_ENGINE'] ?? 'auto',
};

/** Variables as the environment would give them; close what this returns. */
export async function startServer(env: Record<string, string> = {}, options: ServerOptions = {}): Promise<TestServer> {
  const server = await createServer(readSettings({ ...DEFAULTS, ...env }), options);
  try {
    return { ...server, url: await server.listen() };
  } catch (error) {
    await server.close();
    throw error;
  }
}

export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** A session's token. */
export async function login(server: TestServer, companyId: string, userId = 'u1', role?: Role): Promise<string> {
  const response = await post(`${server.url}/login`, { companyId, userId, role });
  if (response.status !== 200) throw new Error(`login: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { token: string }).token;
}
