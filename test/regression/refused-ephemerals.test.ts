/**
 * An ephemeral event that the engine refused, because too much was waiting, was answered `{ ok: true }` and counted
 * nowhere: of 12,000 the hub saw 2,641. It is `OVERLOADED` in the result, an `error` event and a failure in the metrics.
 */
import { createHub, type HubFailure } from '../../lib/index.js';
import { internalsOf } from '../../lib/server/internals.js';

it('an event that finds no room is not ok, is told and is counted', async () => {
  const hub = createHub({ engine: 'js' });
  const failures: HubFailure[] = [];
  hub.on('error', (failure) => void failures.push(failure));
  const reader = internalsOf(hub).readable({ companyId: 'acme', userId: 'u' }, { url: '/', lastEventId: null });
  // Nothing is fanned out before this turn of the loop ends, and 128 MiB may wait.
  const data = 'x'.repeat(15 * 1024);
  let taken = 0;
  let refusal = hub.ephemeral({ companyId: 'acme', topic: 'typing', data });
  while (refusal.ok && taken < 20_000) {
    taken++;
    refusal = hub.ephemeral({ companyId: 'acme', topic: 'typing', data });
  }
  expect(refusal).toMatchObject({ ok: false, code: 'OVERLOADED' });
  expect(taken).toBeGreaterThan(1_000);
  expect(failures).toEqual([expect.objectContaining({ during: 'ephemeral', error: expect.objectContaining({ code: 'OVERLOADED' }) })]);
  expect(hub.metrics()).toMatchObject({ ephemerals: taken, failures: { OVERLOADED: 1 } });
  await reader.cancel();
  await hub.close();
});
