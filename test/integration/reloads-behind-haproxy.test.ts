/**
 * A page that is reloaded eight times behind a stock HAProxy gets in each time. HAProxy without `abortonclose` keeps its
 * connection for a browser that has left until a write to that browser fails. So five reloads left five ghosts, and the
 * sixth page was refused with nobody there. Before it refuses, the hub writes to that user's quietest streams and gives
 * ghosts a second to fail. A sixth stream that lives is still refused, and the five that live lose nothing by it.
 * Invariant: SPEC §4, a limit counts who is there.
 */
import { createHub, type Hub } from '../../lib/index.js';
import { ENGINES } from '../support/engines.js';
import { startHaproxy, type Proxy } from '../support/haproxy.js';
import { GET, RawHttp } from '../support/raw-http.js';
import { appRouter, startTrpc, type TestServer } from '../support/trpc-servers.js';
import { waitFor } from '../support/wait.js';

const LIMIT = 5;
const RELOADS = 8;

const USER = encodeURIComponent(JSON.stringify({ token: 'acme/ann' }));
const PAGE = GET(`/trpc/sync.onSync?connectionParams=${USER}`, { Accept: 'text/event-stream' });

describe.each(ENGINES)('a stock HAProxy before the %s engine', (engine) => {
  let hub: Hub;
  let server: TestServer;
  let proxy: Proxy;

  /** A page with its stream; resolves when it has been told whether it is in. */
  async function load(): Promise<RawHttp> {
    const page = await RawHttp.open(proxy.port, PAGE);
    await waitFor(() => /"type":"hello"|event: serialized-error|HTTP\/1\.[01] [45]/.test(page.text), 'a verdict');
    return page;
  }

  beforeEach(async () => {
    // No heartbeat of the hub frees a seat here.
    hub = createHub({ engine, limits: { perUser: LIMIT }, heartbeatMs: 3_600_000 });
    server = await startTrpc('standalone', appRouter(hub));
    proxy = await startHaproxy(server.port);
  });

  afterEach(async () => {
    await proxy.stop();
    await hub.close();
    await server.close();
  });

  test(`${RELOADS} loads of one page get in at a limit of ${LIMIT}; a sixth that lives does not`, async () => {
    for (let nth = 1; nth <= RELOADS; nth++) {
      // The proxy has told of nobody's leaving yet, so that what follows is about ghosts.
      if (nth <= LIMIT + 1) expect(hub.metrics().connections).toBe(nth - 1);
      const page = await load();
      expect({ nth, text: page.text }).toEqual({ nth, text: expect.stringContaining('"type":"hello"') });
      page.socket.destroy();
    }

    const living: RawHttp[] = [];
    while (living.length < LIMIT) living.push(await load());
    for (const page of living) expect(page.text).toContain('"type":"hello"');

    const sixth = await load();
    expect(sixth.text).toContain(`Too many connections for this user: ${LIMIT} of ${LIMIT}`);
    expect(sixth.text).not.toContain('"type":"hello"');
    expect(hub.metrics()).toMatchObject({ connections: LIMIT, refusals: { USER_LIMIT: 1 } });

    await hub.broadcast({
      type: 'update', module: 'guests', entityId: 'g1', companyId: 'acme', userId: 'bob', queryPaths: ['guests.getAll'],
    });
    for (const page of living) await page.until('"entityId":"g1"');
    for (const page of [...living, sixth]) page.socket.destroy();
  });
});
