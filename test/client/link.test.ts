/**
 * `pathcast/client/trpc`: which subscriptions share a stream, and what is told of one that cannot begin. What broke: a position or a tab's own id in
 * the input made a stream of each tab, and the fourth was refused; inputs that only look equal as JSON were one stream, so that one heard
 * another's filter; nobody signed in was a subscription that hung.
 */
import { createTRPCUntypedClient, type TRPCClientError } from '@trpc/client';
import { syncSubscriptionLink, type SyncLinkOptions } from '../../lib/link/index.js';
import { sharedPartOf } from '../../lib/link/input.js';
import { waitFor } from '../support/wait.js';

describe('what is shared', () => {
  test.each([
    ['nothing', undefined, {}],
    ['the order of keys', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
    ['what is undefined', { a: 1, b: undefined }, { a: 1 }],
    ['a position', { modules: ['guests'], since: 'e1.5' }, { modules: ['guests'] }],
    ['another position', { since: 1_700_000_000_000 }, { lastEventId: 'e1.7', lastSyncTimestamp: 5 }],
    ['whose stream it is', { clientInstanceId: 'one', clientGeneration: 5 }, { clientInstanceId: 'two' }],
    ['an origin that is left out', { excludeSourceId: 'one' }, {}],
  ])('%s makes no other stream', (_what, one, two) => {
    expect(sharedPartOf(one)?.key).toBeDefined();
    expect(sharedPartOf(one)?.key).toBe(sharedPartOf(two)?.key);
  });

  test.each([
    ['modules', { modules: ['guests'] }, { modules: ['hotels'] }],
    ['null', { a: null }, {}],
    ['a text', { a: '1' }, { a: 1 }],
    ['a list', { a: [1, [2]] }, { a: [[1, 2]] }],
    ['a key that looks like two', { 'a":1,"b': 2 }, { a: 1, b: 2 }],
  ])('%s does', (_what, one, two) => {
    expect(sharedPartOf(one)?.key).not.toBe(sharedPartOf(two)?.key);
  });

  test.each([
    ['a Set', { ids: new Set(['a']) }],
    ['a Map', { ids: new Map([['a', 1]]) }],
    ['a RegExp', { like: /a/ }],
    ['a Date', { from: new Date(0) }],
    ['NaN', { a: NaN }],
    ['a bigint', { a: 1n }],
    ['a function', { a: () => 1 }],
    ['a list', [1]],
    ['a text', 'guests'],
    ['a position of its own kind', { since: '2026-11-29' }],
    ['a Date as position', { since: new Date(0) }],
  ])('%s goes its way alone', (_what, input) => {
    expect(sharedPartOf(input)).toBeUndefined();
  });

  test('the position is the one that the server would take', () => {
    expect(sharedPartOf({ since: 5, lastEventId: 'e1.7', lastSyncTimestamp: 9 })).toEqual({ input: {}, key: '{}', since: 'e1.7', excluded: undefined });
    expect(sharedPartOf({ a: 1, lastSyncTimestamp: 9, excludeSourceId: 'x' })).toEqual({ input: { a: 1 }, key: '{"a":1}', since: 9, excluded: 'x' });
  });
});

describe('a subscription that cannot begin', () => {
  const opened: string[] = [];
  class Source {
    static readonly CONNECTING = 0;
    static readonly OPEN = 1;
    static readonly CLOSED = 2;
    readyState = 0;
    constructor(url: string) {
      opened.push(url);
    }
    addEventListener(): void {}
    removeEventListener(): void {}
    close(): void {
      this.readyState = 2;
    }
  }
  beforeEach(() => opened.splice(0));

  function subscribe(sync: Partial<SyncLinkOptions>, options: { signal?: AbortSignal } = {}): { said: string[]; end: () => void } {
    const said: string[] = [];
    const client = createTRPCUntypedClient({
      links: [syncSubscriptionLink({ url: 'http://app.test/trpc', EventSource: Source, sync: { paths: ['sync.onSync'], user: { companyId: 'acme', userId: 'ann' }, ...sync } })],
    });
    const running = client.subscription('sync.onSync', {}, {
      ...options,
      onError: (error: TRPCClientError<never>) => said.push(`error ${error.message}`),
      onComplete: () => said.push('complete'),
    } as never);
    return { said, end: () => running.unsubscribe() };
  }

  test.each([{ companyId: '', userId: '' }, undefined])('nobody signed in, %j: the server is asked, as by httpSubscriptionLink', async (user) => {
    const { said, end } = subscribe({ user: () => user as never });
    await waitFor(() => opened.length === 1, 'the request');
    expect(said).toEqual([]);
    end();
  });

  test('a user() that throws is an error of the subscription', () => {
    const { said } = subscribe({
      user: () => {
        throw new Error('no session yet');
      },
    });
    expect(said).toEqual(['error no session yet']);
  });

  test('a user that is none is an error of the subscription', async () => {
    const { said } = subscribe({ user: { companyId: 5, userId: 'ann' } as never });
    await waitFor(() => said.length > 0, 'the error');
    expect(said).toEqual(['error companyId must be a non-empty string, got number']);
  });

  test('a signal that was aborted before opens nothing', async () => {
    const { said } = subscribe({}, { signal: AbortSignal.abort() });
    await new Promise((resolve) => setImmediate(resolve));
    expect(opened).toEqual([]);
    expect(said.filter((word) => word.startsWith('error'))).toEqual([]);
  });

  test.each([
    [{ user: undefined }, 'sync.user must say who is signed in'],
    [{ paths: [1] }, 'sync.paths must name the subscriptions'],
    [{ idz: false }, 'sync.idz is no option'],
  ])('%j is an error when the link is made', (sync, message) => {
    expect(() => subscribe(sync as never)).toThrow(message);
  });
});
