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
