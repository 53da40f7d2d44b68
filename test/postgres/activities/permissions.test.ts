/** Who may see what changes in mid-stream: seen by curl, by an EventSource of Node and by one of Chromium. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { EventSource } from 'eventsource';
import type { Activity } from '../../../lib/postgres/index.js';
import { Chromium } from '../../support/chromium/chromium.js';
import { endChild } from '../../support/child.js';
import { ENGINES } from '../../support/engines.js';
import { closeServers, listen } from '../../support/listen.js';
import { PostgresServer } from '../../support/postgres.js';
import { waitFor } from '../../support/wait.js';
import { LiveClient } from './live-client.js';
import { world } from './set-up.js';

jest.setTimeout(120_000);

let postgres: PostgresServer;
let chromium: Chromium;
beforeAll(async () => {
  [postgres, chromium] = await Promise.all([PostgresServer.start(), Chromium.launch()]);
}, 120_000);
afterAll(async () => {
  await postgres?.end();
  await chromium?.close();
});

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  closeServers();
});

interface Told {
  action: string;
  entityId: string;
}

const named = ({ action, entityId }: Told): string => `${action} ${entityId}`;

describe.each(ENGINES)('%s', (engine) => {
  test('what was forbidden when it came is not sent later, unless it is asked for again by its offset', async () => {
    const w = await world(postgres, closing);
    const hub = w.hub({ engine, heartbeatMs: 200, retryMs: 100 });
    await w.worker(hub);
    /** Of ann; bob may see everything. */
    let may = true;
    const asked: number[] = [];
    const activities = w.activities(hub);
    const live = activities.live({
      identify: ({ url = '' }: { url?: string | undefined }) => ({ userId: new URL(url, 'http://x').searchParams.get('as') ?? 'ann' }),
      organization: (name: string) => name,
      isAllowed: async ({ userId }, changes: readonly Activity[]) => {
        asked.push(changes.length);
        return changes.map(({ entityType }) => userId === 'bob' || entityType !== 'pages' || may);
      },
    });
    const server = createServer((request, response) => live(request, response, () => response.setHeader('content-type', 'text/html').end('<title>x</title>')));
    const port = await listen(server);
    const url = `http://127.0.0.1:${String(port)}/organizations/acme/live?live=sse&offset=-1`;
    await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);

    const curl = spawn('curl', ['-sN', url], { stdio: ['ignore', 'pipe', 'ignore'] });
    closing.push(() => endChild(curl));
    let said = '';
    curl.stdout.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    const ofCurl = (): string[] => [...said.matchAll(/^event: change\nid: [^\n]*\ndata: (.*)$/gm)].map(([, data]) => named(JSON.parse(data ?? '') as Told));
    const ofNode: string[] = [];
    const source = new EventSource(url);
    closing.push(async () => source.close());
    source.addEventListener('change', ({ data }) => void ofNode.push(named(JSON.parse(data as string) as Told)));
    const tab = await chromium.open(`http://127.0.0.1:${String(port)}/page`);
    closing.push(() => tab.close());
    await tab.evaluate(`{ window.got = []; window.source = new EventSource(${JSON.stringify(url)}); source.addEventListener('change', ({ data }) => { const { action, entityId } = JSON.parse(data); got.push(action + ' ' + entityId); }); 0 }`);
    const ofChromium = (): Promise<string[]> => tab.evaluate<string[]>('got');
    const bob = await LiveClient.open(port, '/organizations/acme/live?live=sse&offset=-1&as=bob');
    closing.push(async () => bob.close());
    const all = async (): Promise<string[][]> => [ofCurl(), ofNode, await ofChromium()];
    const until = (expected: string[]): Promise<unknown> => waitFor(async () => (await all()).every((heard) => heard.length >= expected.length), `all to have ${expected.join(', ')}, not ${JSON.stringify([ofCurl(), ofNode])}`);

    await until(['create p1']);
    may = false;
    await w.sql(`INSERT INTO pages VALUES ('secret', 'acme', 'Secret')`);
    await w.sql(`INSERT INTO attachments (company_id) VALUES ('acme')`);
    await until(['create p1', 'create 1']);
    await w.sql(`UPDATE pages SET title = 'Still secret' WHERE id = 'secret'`);
    await bob.until(({ changes }) => changes.includes('update secret'), 'bob, who may');
    // Nothing more of it has come to the others than to bob: the heartbeat that comes now is behind it.
    const beats = said.split(': ping').length;
    await waitFor(() => said.split(': ping').length > beats + 1, 'heartbeats');
    may = true;
    await w.sql(`INSERT INTO pages VALUES ('p2', 'acme')`);
    const expected = ['create p1', 'create 1', 'create p2'];
    await until(expected);
    for (const heard of await all()) expect(heard).toEqual(expected);
    expect(said).not.toContain('ecret');
    // Who is cut off comes back behind it: the heartbeats have moved the offset of who reads ids as the standard says.
    const before = hub.metrics().opened;
    await hub.disconnect({ companyId: 'acme', userId: 'ann' }, 'drain');
    await waitFor(() => hub.metrics().opened >= before + 2, 'the two EventSources to come back');
    await w.sql(`INSERT INTO pages VALUES ('p3', 'acme')`);
    await waitFor(async () => ofNode.includes('create p3') && (await ofChromium()).includes('create p3'), 'p3');
    expect(await ofChromium()).toEqual([...expected, 'create p3']);
    expect(ofNode).toEqual([...expected, 'create p3']);
    // Asked again by its offset it comes: the one who asks may see it now.
    const again = await LiveClient.open(port, '/organizations/acme/live?offset=-1&live=false');
    expect(((await again.body()) as { activities: Told[] }).activities.map(named)).toEqual(['create p1', 'create secret', 'create 1', 'update secret', 'create p2', 'create p3']);
    expect(Math.max(...asked)).toBeLessThanOrEqual(100);
  });

  test.each([
    ['throws', () => { throw new Error('no permissions today'); }],
    ['rejects', () => Promise.reject(new Error('no permissions today'))],
    ['gives too few', () => []],
    ['gives what is no boolean', (_user: unknown, changes: readonly unknown[]) => changes.map(() => 1)],
  ])('isAllowed that %s: nothing is sent, the stream ends, and the hub is told', async (_name, isAllowed) => {
    const w = await world(postgres, closing);
    const hub = w.hub({ engine });
    const errors: string[] = [];
    hub.on('error', ({ during, error }) => void errors.push(`${during}: ${error.message}`));
    await w.worker(hub);
    const port = await listen(createServer(w.activities(hub).live({ identify: () => ({ userId: 'ann', companyId: 'acme' }), isAllowed: isAllowed as unknown as () => boolean[] })));
    const early = await LiveClient.open(port, '/organizations/acme/live?live=sse&offset=-1');
    await early.until(({ events }) => events.at(-1)?.event === 'offset', 'to be live');
    await w.sql(`INSERT INTO pages VALUES ('p1', 'acme', 'Secret')`);
    await early.until(({ ended }) => ended, 'its end');
    const late = await LiveClient.open(port, '/organizations/acme/live?live=sse&offset=-1');
    await late.until(({ ended }) => ended, 'its end');
    for (const { events, text } of [early, late]) {
      expect(events.filter(({ event }) => event !== 'offset')).toMatchObject([{ event: 'server_close', data: { reason: 'drain' } }]);
      expect(text).not.toContain('Secret');
    }
    const page = await LiveClient.open(port, '/organizations/acme/live');
    expect(JSON.stringify(await page.body())).not.toContain('Secret');
    expect(page.response.statusCode).toBe(500);
    expect(errors).toHaveLength(3);
    expect(errors[0]).toMatch(/^activities: (no permissions today|isAllowed must give an array of 1 booleans)/);
  });
});
