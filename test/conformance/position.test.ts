/** SPEC §17: what a node has of a company's log, asked at once. */
import { encode, encodeMany } from '../support/actions.js';
import { conformance, engines } from './targets.js';

conformance('The position', engines, (bench, target) => {
  test('SPEC §17: that of the newest action which every stream of this node is offered', async () => {
    const engine = bench().engine();
    const client = await bench().open(engine);
    expect(engine.position('acme')).toBe(client.hello!.cursor);
    const outcomes = await engine.publish(encodeMany(3, 'x'));
    const marker = encode({ queryPaths: ['marker'] });
    await engine.publish([marker]);
    await client.untilAction(marker.action.id);
    const { epoch, headSeq } = await engine.readLog('acme');
    expect(headSeq).toBe(outcomes.length + 1);
    expect(engine.position('acme')).toBe(`${epoch}.${headSeq}`);
  });

  test('SPEC §17: none of a company that this node has no log of, nor after the end', async () => {
    const engine = bench().engine();
    expect(engine.position('acme')).toBeUndefined();
    await bench().open(engine);
    expect(engine.position('acme')).toMatch(/^[0-9a-f]{12}\.0$/);
    expect(engine.position('other')).toBeUndefined();
    await engine.close();
    expect(engine.position('acme')).toBeUndefined();
  });

  test('the companies that this node has a log of: with a stream, with an action, until the end', async () => {
    const engine = bench().engine();
    expect(engine.companies()).toEqual([]);
    await bench().open(engine);
    await engine.publish([encode({ companyId: 'Ümlaut {1}' })]);
    // With a broker a node has no log of a company that it only publishes for.
    expect(engine.companies().sort()).toEqual(target.broker ? ['acme'] : ['acme', 'Ümlaut {1}']);
    await engine.close();
    expect(engine.companies()).toEqual([]);
  });

  test('SPEC §17: as it was at a moment, or older; none of a log that has begun since', async () => {
    const engine = bench().engine();
    const client = await bench().open(engine);
    const publish = async (count: number): Promise<string> => {
      const marker = encode({ queryPaths: ['marker'] });
      await engine.publish([...encodeMany(count, 'm'.repeat(count)), marker]);
      await client.untilAction(marker.action.id);
      return engine.position('acme')!;
    };
    const first = await publish(3);
    const moment = engine.moment();
    expect(engine.position('acme', moment)).toBe(first);
    expect(await publish(2)).not.toBe(first);
    expect(engine.position('acme', moment)).toBe(first);
    await bench().open(engine, { companyId: 'other' });
    expect(engine.position('other')).toMatch(/\.0$/);
    expect(engine.position('other', moment)).toBeUndefined();
    const [epoch, seq] = first.split('.') as [string, string];
    const older = engine.position('acme', moment)!.split('.');
    expect([older[0], Number(older[1]) <= Number(seq)]).toEqual([epoch, true]);
  });

  if (target.broker) return;

  test('SPEC §17: it is gone with the company', async () => {
    const engine = bench().engine();
    await engine.publish(encodeMany(2, 'x'));
    const before = engine.position('acme');
    await engine.forget!('acme');
    expect(engine.position('acme')).toBeUndefined();
    await engine.publish(encodeMany(1, 'y'));
    const after = engine.position('acme')!;
    expect(before).toMatch(/\.2$/);
    expect(after).toMatch(/\.1$/);
    expect(after.split('.')[0]).not.toBe(before!.split('.')[0]);
  });
});
