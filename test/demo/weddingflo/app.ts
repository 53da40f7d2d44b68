/** What the demonstration needs of either version of the code base, and how it is started. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AnyTRPCRouter } from '@trpc/server';
import type { Hub } from '../../../lib/index.js';

type Caller = Record<string, Record<string, (input?: unknown) => Promise<unknown>>>;

/** The exports of a bundled code base (`src/index.ts`). */
export interface AppModule {
  db: { insert(table: unknown): { values(rows: object[]): Promise<unknown> } };
  closeDatabase(): Promise<void>;
  onStatement(listener: (statement: string) => void): () => void;
  createTables(db: unknown): Promise<void>;
  sessions: unknown;
  createHttpServer(): Server;
  contextOfToken(token: string): Promise<{ companyId: string | null; userId: string | null }>;
  appRouter: AnyTRPCRouter;
  createCallerFactory(router: AnyTRPCRouter): (context: unknown) => Caller;
  /** The hand-made layer's: only in the broken version. */
  setRedis?(redis: object): void;
  /** Only in the repaired version. */
  startSync?(): Promise<{ close(): Promise<void> }>;
  /** Only in the repaired version: the hub that the app broadcasts on. */
  hub?: Hub;
}

export const FIRST = { token: 'first-token', userId: 'user-first' };
export const SECOND = { token: 'second-token', userId: 'user-second' };
export const COMPANY = 'company-a';

export interface RunningApp {
  module: AppModule;
  /** `http://127.0.0.1:port` */
  url: string;
  /** Calls a procedure inside the process, as the second user. */
  call(path: string, input: unknown): Promise<unknown>;
  close(): Promise<void>;
}

export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function shut(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

export async function startApp(bundle: string): Promise<RunningApp> {
  const module = (await import(bundle)) as AppModule;
  await module.createTables(module.db);
  await module.db.insert(module.sessions).values([
    { ...FIRST, companyId: COMPANY, role: 'admin' },
    { ...SECOND, companyId: COMPANY, role: 'admin' },
  ]);
  const sync = await module.startSync?.();
  const server = module.createHttpServer();
  const url = await listen(server);
  const caller = module.createCallerFactory(module.appRouter)(await module.contextOfToken(SECOND.token));
  return {
    module,
    url,
    async call(path, input) {
      const [router = '', procedure = ''] = path.split('.');
      const answer = await caller[router]?.[procedure]?.(input);
      return answer === undefined ? null : (JSON.parse(JSON.stringify(answer)) as unknown);
    },
    async close() {
      await sync?.close();
      await shut(server);
      await module.closeDatabase();
    },
  };
}
