/** `POST /sync/report` of the reference server: who is signed in may report, briefly and seldom, and `/metrics` shows the counts under the server's own names. */
import { login, post, startServer, type TestServer } from './support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.close());

test('a report of a session is counted; of nobody, too long or too soon it is refused; no name of a metric is a client’s', async () => {
  const authorization = `Bearer ${await login(server, 'meadow')}`;
  const report = { from: 'tab', elections: 2, handOvers: 1, reconnects: { cut: 3, 'of a client': 4 }, companyId: 'other' };
  const status = async (body: unknown, headers = { authorization }): Promise<number> => (await post(`${server.url}/sync/report`, body, headers)).status;
  expect(await status(report, {} as never)).toBe(401);
  expect([await status(report), await status(report)]).toEqual([204, 429]);
  expect(await status({ from: 'x'.repeat(5_000) })).toBe(413);
  expect(await status('{')).toBe(400);
  expect(await status([])).toBe(400);
  const text = await (await fetch(`${server.url}/metrics`)).text();
  for (const line of [
    'pathcast_client_reports_total{outcome="taken"} 1',
    'pathcast_client_elections_total 2',
    'pathcast_client_hand_overs_total 1',
    'pathcast_client_reconnects_total{reason="cut"} 3',
    'pathcast_client_reconnects_total{reason="other"} 4',
  ]) expect(text).toContain(line);
  expect(text).not.toContain('of a client');
});

test('what a session says of its cache is in `/metrics`, by its company, and says which paths are cached', async () => {
  const authorization = `Bearer ${await login(server, 'meadow')}`;
  const before = await (await fetch(`${server.url}/metrics`)).text();
  expect(before).toContain('pathcast_never_cached_paths 0');
  expect(before).toContain('pathcast_client_commit_to_applied_seconds_count 0');
  const applied = [0, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
  const caches = { paths: ['guests.getAll'], refetches: 3, failed: 1, avoided: { coalesced: 2, where: 1, position: 4 }, applied, appliedMs: 90_330 };
  expect((await post(`${server.url}/sync/report`, { from: 'page', caches }, { authorization })).status).toBe(204);
  const text = await (await fetch(`${server.url}/metrics`)).text();
  for (const line of [
    'pathcast_client_refetches_total 3',
    'pathcast_client_refetches_failed_total 1',
    'pathcast_client_refetches_avoided_total{by="coalesced"} 2',
    'pathcast_client_refetches_avoided_total{by="position"} 4',
    'pathcast_client_commit_to_applied_seconds_bucket{le="0.025"} 0',
    'pathcast_client_commit_to_applied_seconds_bucket{le="0.05"} 2',
    'pathcast_client_commit_to_applied_seconds_bucket{le="60"} 3',
    'pathcast_client_commit_to_applied_seconds_bucket{le="+Inf"} 4',
    'pathcast_client_commit_to_applied_seconds_sum 90.33',
    'pathcast_client_company_commit_to_applied_seconds_bucket{company="meadow",le="+Inf"} 4',
    'pathcast_client_company_commit_to_applied_seconds_count{company="meadow"} 4',
  ]) expect(text).toContain(line);
  expect(server.hub.pathUsage().filter(({ cached }) => cached).map(({ path }) => path)).toEqual(['guests.getAll']);
});
