/**
 * SPEC §19 against an oracle that knows only what a real database answers before and after each mutation: no query whose answer is another one is
 * left as it was. Schemas, maps, inputs and queries are random; hub, router, middleware, streams, caches and their binding are real, and streams
 * stall, are away and come back. `PATHCAST_SEED` replays one schema; `PATHCAST_WHERE=2000` runs as many, from a seed by chance.
 */
import { ENGINES } from '../support/engines.js';
import { runTrials } from './oracle/report.js';

jest.setTimeout(3_600_000);

const hubs = (engine: (typeof ENGINES)[number]) => [{ engine, connectionCapBytes: 4_096, log: { compactAfter: 2 } }];
const ways = ENGINES.flatMap((engine) => [false, true].map((sockets) => ({ engine, sockets, way: `${engine} engine, ${sockets ? 'over sockets' : 'as a web handler'}` })));

test.each(ways.map((way, nth) => ({ ...way, nth })))('SPEC §19: $way: no query whose answer changes is spared', async ({ way, engine, sockets, nth }) => {
  const { named, touched, conflated, resyncs } = await runTrials(way, 0.16, nth, { hubs: hubs(engine), sockets });
  if (process.env['PATHCAST_SEED']) return;
  expect((named - touched) / named).toBeGreaterThan(0.04);
  expect([conflated > 8, resyncs > 0]).toEqual([true, true]);
});
