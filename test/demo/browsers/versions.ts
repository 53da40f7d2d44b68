/** The code base with its hand-made layer, and the same moved to pathcast: each served with the client that belongs to it. */
import { COMPANY, FIRST, SECOND, startApp, type RunningApp } from '../weddingflo/app.js';
import { startRedis } from './hand-made-redis.js';
import { Site } from './site.js';

export interface Version {
  name: string;
  app: RunningApp;
  site: Site;
  /** Sends a mark behind all that was told before. */
  mark(name: string): Promise<void>;
  /** Written to the second user's streams. */
  streamBytes(): number;
  /** It asks for news once in so many ms; 0: it is told. */
  roundMs: number;
  /** What its hub had to say: warnings, failures, phantom paths. */
  complaints: string[];
  close(): Promise<void>;
}

const POLL_MS = 500;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function withPathcast(bundle: string, script: string): Promise<Version> {
  const app = await startApp(bundle);
  const site = await Site.start(app.module, script);
  const { hub } = app.module;
  if (!hub) throw new Error('this version has no hub');
  const complaints: string[] = [];
  hub.on('warning', ({ message }) => complaints.push(message));
  hub.on('error', ({ during, error }) => complaints.push(`${during}: ${String(error)}`));
  hub.on('phantom', ({ path }) => complaints.push(`phantom path ${path}`));
  return {
    name: 'pathcast',
    app,
    site,
    mark: async (name) => {
      hub.ephemeral({ companyId: COMPANY, topic: 'mark', data: name });
    },
    // The first user's stream is left out by the app's filter: what it gets is heartbeats.
    streamBytes: () => hub.metrics().bytes,
    roundMs: 0,
    complaints,
    async close() {
      await app.close();
      await site.close();
    },
  };
}

export async function handMade(bundle: string, script: string): Promise<Version> {
  const redis = await startRedis();
  const app = await startApp(bundle);
  app.module.setRedis?.(redis.client);
  const site = await Site.start(app.module, script);
  const { zadd } = redis.client as { zadd(key: string, entry: { score: number; member: string }): Promise<unknown> };
  return {
    name: 'hand-made layer',
    app,
    site,
    async mark(name) {
      // It reads from the millisecond after its last action on: what two share, the later one loses.
      await sleep(2);
      const timestamp = Date.now();
      const action = { id: name, type: 'update', module: 'clients', entityId: name, companyId: COMPANY, userId: FIRST.userId, queryPaths: [], toolName: 'mark' };
      await zadd(`sync:${COMPANY}:actions`, { score: timestamp, member: JSON.stringify({ ...action, timestamp }) });
      await sleep(2);
    },
    streamBytes: () => site.streamBytes(SECOND.userId),
    roundMs: POLL_MS,
    complaints: [],
    async close() {
      await site.close();
      await app.close();
      await redis.end();
    },
  };
}
