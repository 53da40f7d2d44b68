/** Where the live endpoint stands in an app's own addresses: it answers those that are its own, and leaves the others to who stands behind it. */
import express from 'express';
import { createServer } from 'node:http';
import { createActivities } from '../../../lib/postgres/index.js';
import { createHub } from '../../../lib/server/hub.js';
import { closeServers, listen } from '../../support/listen.js';
import { within } from '../../support/wait.js';
import { LiveClient } from './live-client.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  closeServers();
});

/** The company that a page of it was asked for, or who else has answered. */
async function asked(mount: (app: express.Express, live: express.RequestHandler) => unknown, path: string): Promise<unknown> {
  const hub = createHub({ engine: 'js' });
  closing.push(() => within(hub.close({ flushMs: 0 }), 'the hub to close'));
  const companies: string[] = [];
  // A company without activities.
  const database = { query: async (_text: string, [company]: string[] = []) => (companies.push(company ?? ''), { rows: [] }) };
  const live = createActivities({ hub, database }).live({ identify: () => ({ userId: 'ann' }), organization: (name: string) => name, isAllowed: (_user, changes) => changes.map(() => true) });
  const app = express();
  mount(app, live);
  app.use((_request, response) => void response.status(418).json('elsewhere'));
  const client = await LiveClient.open(await listen(createServer(app)), path);
  closing.push(async () => client.close());
  await client.body();
  return client.response.statusCode === 418 ? 'elsewhere' : companies[0];
}

test.each([
  ['at the root: its own path', (app, live) => app.use(live), '/organizations/acme/live', 'acme'],
  ['at the root: another one', (app, live) => app.use(live), '/organizations/acme', 'elsewhere'],
  ['under a parameter: what is below is not its own', (app, live) => app.use('/:idOrSlug', live), '/acme/settings', 'elsewhere'],
  ['under a parameter: what is there is', (app, live) => app.use('/:idOrSlug', live), '/acme?limit=1', 'acme'],
  ['under a parameter in front of its path: all else is not its own', (app, live) => app.use('/organizations/:idOrSlug', live), '/organizations/acme/pages', 'elsewhere'],
  ['under a parameter in front of its path', (app, live) => app.use('/organizations/:idOrSlug', live), '/organizations/a%C3%BC/live', 'aü'],
  ['a route of its own', (app, live) => app.get('/teams/:idOrSlug/stream', live), '/teams/acme/stream', 'acme'],
  ['a route of its own in a router', (app, live) => app.use('/teams/:idOrSlug', express.Router({ mergeParams: true }).get('/stream', live)), '/teams/acme/stream', 'acme'],
  ['beside that route', (app, live) => app.use('/teams/:idOrSlug', express.Router({ mergeParams: true }).get('/stream', live)), '/teams/acme/pages', 'elsewhere'],
] as [string, Parameters<typeof asked>[0], string, string][])('%s', async (_how, mount, path, expected) => {
  expect(await asked(mount, path)).toBe(expected);
});
