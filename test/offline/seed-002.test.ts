/**
 * The rows of the plan "sync engine" (seed 002), phases 7 to 11, as far as clock, versions, network, offsets and the coordinator answer them. Each is shown once
 * here; the tests of the part itself go further (clock/, network/, versions, coordinator, resolve).
 */
import type { ActionEvent } from '../../lib/protocol/events.js';
import { compareHlc, createHlc, parseHlc } from '../../lib/offline/clock/hlc.js';
import { createNetwork } from '../../lib/offline/network/network.js';
import { tell, writtenOf } from '../../lib/offline/sync/conflicts.js';
import { resolved } from '../../lib/offline/sync/resolve.js';
import { INITIAL, step, type Input, type State } from '../../lib/offline/sync/return.js';
import { createVersions } from '../../lib/offline/sync/versions.js';
import { entryOf } from './support/entry.js';
import { insideOf, makePage, settle } from './support/page.js';
import { makeShelf } from './support/shelf.js';

const P1 = { entity: 'pages', id: 'p1' };
const theirs: ActionEvent = {
  id: 'tx:theirs',
  type: 'update',
  module: 'pages',
  entityId: 'p1',
  companyId: 'acme',
  userId: 'bob',
  timestamp: 5,
  queryPaths: ['pages'],
  seq: 9,
  data: { title: 'theirs' },
  tx: { transactionId: 'theirs', versions: [{ ...P1, entityId: 'p1', fields: ['title'] }] },
};
const mine = entryOf({ id: 'mine', fields: { title: 'mine' }, base: { title: { value: 'old', version: 'v0' } } });
const go = (state: State, ...inputs: Input[]): [State, string[]] => {
  const did: string[] = [];
  let at = state;
  for (const input of inputs) {
    const [next, effects] = step(at, input);
    at = next;
    for (const effect of effects) if ('reason' in effect) did.push(`${effect.do} ${effect.reason}`);
  }
  return [at, did];
};

describe('phase 7: sync primitives', () => {
  it('DATA-020 to DATA-026: ids of the form wall.logical.node, counted within a millisecond, read and compared', () => {
    const clock = createHlc({ node: 'node1', now: () => 1_764_000_000_000 });
    const ids = [clock.next(), clock.next(), clock.next()];
    expect(ids).toEqual(['1764000000000.00000.node1', '1764000000000.00001.node1', '1764000000000.00002.node1']);
    expect(parseHlc(ids[2]!)).toEqual({ wall: 1_764_000_000_000, logical: 2, node: 'node1' });
    expect([...ids].reverse().sort(compareHlc)).toEqual(ids);
  });

  it('CONFLICT-010 to CONFLICT-012: the last seen transaction of each field of each row, updated from the stream', () => {
    const page = makePage();
    const versions = createVersions({ ...insideOf(page), storage: makeShelf() });
    for (const { key, fields, version } of writtenOf(theirs)) versions.learn(key, Object.fromEntries(fields.map((field) => [field, version])));
    expect([versions.of(P1, 'title'), versions.of(P1, 'body'), versions.of({ ...P1, id: 'p2' }, 'title')]).toEqual(['theirs', undefined, undefined]);
  });

  it('NET-001 to NET-010, DEC-16: online, verified and latency; the server is asked, the browser is not believed', async () => {
    const page = makePage();
    let there = false;
    const network = createNetwork(insideOf(page), () => there);
    await settle();
    expect(network.status).toMatchObject({ online: true, verified: false, latency: undefined });
    there = true;
    await page.passes(1_000);
    expect(network.status).toMatchObject({ online: true, verified: true, latency: 0 });
    page.happens('offline');
    expect(network.status).toMatchObject({ online: false, verified: false });
  });
});

describe('phase 10: offline', () => {
  it('OFFLINE-OFFSET-001 to OFFLINE-OFFSET-006: the position is kept, once in 5 s at most, and read again', async () => {
    const page = makePage();
    const shelf = makeShelf();
    const versions = createVersions({ ...insideOf(page), storage: shelf });
    for (let seq = 1; seq <= 100; seq += 1) {
      versions.moved(`e.${seq}`);
      await page.passes(100);
    }
    // 10 s.
    expect(shelf.writes).toBeLessThanOrEqual(2);
    await page.passes(5_000);
    const again = createVersions({ ...insideOf(makePage()), storage: shelf });
    await again.load();
    expect(again.cursor).toBe('e.100');
  });

  it('OFFLINE-010, OFFLINE-012: on reconnect first what was missed, then the outbox', () => {
    const stream = (covered: boolean): Input => ({ is: 'stream', stream: 'live', covered });
    const [away] = go(INITIAL, { is: 'outbox', waiting: true });
    const [coming, did] = go(away, { is: 'network', verified: true }, stream(false));
    expect([coming.at, did]).toEqual(['catching_up', ['pause catching_up', 'resume offline']]);
    const [sending, then] = go(coming, stream(true));
    expect([sending.at, then]).toEqual(['sending', ['resume catching_up']]);
    expect(go(sending, { is: 'outbox', waiting: false })[0].at).toBe('current');
  });

  it('OFFLINE-011: what the stream says conflicts with what is queued: marked, with the value of the server', () => {
    const [written] = writtenOf(theirs);
    expect(tell(mine, written!, undefined)).toEqual({ conflicts: [{ field: 'title', base: 'old', mine: 'mine', theirs: 'theirs', by: 'bob', at: 5, version: 'theirs' }], base: {} });
    expect(tell(entryOf({ fields: { body: 'b' } }), written!, undefined)).toBeUndefined();
  });

  it('OFFLINE-013: what is conflicted is not sent by itself, and holds up nothing else on the way back', () => {
    expect(tell({ ...mine, state: 'conflicted' }, writtenOf(theirs)[0]!, undefined)).toBeUndefined();
    const [at] = go(INITIAL, { is: 'network', verified: true }, { is: 'stream', stream: 'live', covered: true }, { is: 'outbox', waiting: false });
    expect(at.at).toBe('current');
  });

  const [written] = writtenOf(theirs);
  const conflicted = { ...mine, state: 'conflicted' as const, conflicts: tell(mine, written!, undefined)!.conflicts };

  it('OFFLINE-020, MERGE-001: keep mine: the same under a new id, upon what the server has', () => {
    expect(resolved(conflicted, 'mine', 'second').entry).toMatchObject({ id: 'second', state: 'queued', fields: { title: 'mine' }, base: { title: { value: 'theirs', version: 'theirs' } } });
  });

  it("OFFLINE-021, MERGE-002: keep the server's: nothing of mine is sent", () => {
    expect(resolved(conflicted, 'theirs', 'second').entry).toBeUndefined();
  });

  it('OFFLINE-022, MERGE-003: merge: what the person made of both', () => {
    expect(resolved(conflicted, { merged: { title: 'mine and theirs' } }, 'second').entry).toMatchObject({ input: { id: 'p1', title: 'mine and theirs' }, fields: { title: 'mine and theirs' } });
  });
});
