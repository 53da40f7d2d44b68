/**
 * What broke: an engine forgot what somebody still held, or did not forget what had gone.
 *
 * 1. The JavaScript engine looks for a company to forget whenever one comes, least recently used first. Where all others had streams it
 *    came to the newcomer itself and forgot that: its stream heard nothing, its actions had no log, and the gauges of the log kept what the lost one held.
 * 2. A log that was forgotten for `maxCompanies` and made anew was born at the hub's clock, though an action of its former life could be stamped
 *    ahead of it. A client that stored that time was placed in the new life, and never heard what it had missed.
 */
import { encode } from '../support/actions.js';
import { waitFor } from '../support/wait.js';
import { conformance, engines } from '../conformance/targets.js';

conformance('What is forgotten', engines, (bench, target) => {
  test.each([1, 3, 63, 64, 100])('with %i companies that all have streams a newcomer is served like any other', async (maxCompanies) => {
    const engine = bench().engine({ maxCompanies });
    const clients = [];
    for (let i = 0; i <= maxCompanies; i++) clients.push(await bench().open(engine, { companyId: `c${i}` }));
    for (let i = 0; i <= maxCompanies; i++) await engine.publish([encode({ id: `a${i}`, companyId: `c${i}` })]);
    for (const [i, client] of clients.entries()) await client.untilAction(`a${i}`);
  });

  // A log that lives in a broker outlives what a node forgets of it.
  if (target.broker) return;

  test('the gauges of the log are those of the logs that are there', async () => {
    const engine = bench().engine({ maxCompanies: 2 });
    await bench().open(engine, { companyId: 'c0' });
    await bench().open(engine, { companyId: 'c1' });
    for (let i = 0; i < 300; i++) await engine.publish([encode({ id: `a${i}`, companyId: `n${i}` })]);
    let kept = 0;
    for (let i = 0; i < 300; i++) kept += (await engine.readLog(`n${i}`)).actions.length;
    expect(engine.metrics()).toMatchObject({ logActions: kept });
    expect(kept).toBeLessThanOrEqual(1);
  });

  test('a new life of a forgotten log begins behind all that the former one had, stamped ahead or not', async () => {
    const engine = bench().engine({ maxCompanies: 2 });
    const first = await bench().open(engine, { ids: false });
    const stamp = Date.now() + 20_000;
    await engine.publish([encode({ id: 'seen', timestamp: stamp })]);
    await first.untilAction('seen');
    first.cut();
    await waitFor(() => engine.metrics().connections === 0, 'its end');
    await engine.publish([encode({ id: 'lost 1' })]);
    for (let i = 0; i < 10; i++) await engine.publish([encode({ id: `o${i}`, companyId: `other${i}` })]);
    await engine.publish([encode({ id: 'lost 2' })]);
    const back = await bench().open(engine, {
      ids: false,
      lastSyncTimestamp: stamp,
    });
    expect(back.hello).toMatchObject({
      recovered: false,
      reason: 'epoch_changed',
    });
    await waitFor(() => back.resyncs.length === 1, 'the resync');
  });
});
