/** What ends streams over a time ends itself when the hub does. */
import { createHub } from '../../../lib/index.js';
import { ENGINES } from '../../support/engines.js';
import { waitFor } from '../../support/wait.js';

test.each(ENGINES)('a hub that closes while it ends streams over a minute leaves no timer behind (%s)', async (engine) => {
  const hub = createHub({ engine });
  const streams = ['ann', 'bob', 'cid'].map((userId) => hub.stream({ companyId: 'acme', userId }));
  for (const stream of streams) expect((await stream.next()).value).toMatchObject({ type: 'hello' });
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  let over = false;
  const ending = hub.endStreams(60_000).then(() => (over = true));
  await waitFor(() => hub.metrics().closes['drain'] === 1, 'the first to end');
  expect([hub.metrics().connections, over]).toEqual([2, false]);
  await hub.close();
  // Woken, not waited for: the next end was twenty seconds away.
  await new Promise(setImmediate);
  expect(over).toBe(true);
  // The count is the process's, so that a moment's timer of something else is let pass; ours would stand for twenty seconds.
  await waitFor(() => timers() <= before, 'the timers to be as before', 12_000);
  await ending;
  for (const stream of streams) await stream.return(undefined).catch(() => undefined);
});
