/** `reportStatus`: a server that takes nothing is asked ever more seldom, an end is one, and options are checked. */
import { reportStatus, type ReportOptions } from '../../lib/report/index.js';
import type { SyncClient, SyncStatus } from '../../lib/client/index.js';
import type { ClientReport } from '../../lib/protocol/reports.js';

const LIVE: SyncStatus = { state: 'live', reason: 'open', leader: true, since: 0, cursor: 'e.1' };

function client(): { client: SyncClient; say: (status: Partial<SyncStatus>) => void } {
  const watchers = new Set<(status: SyncStatus) => void>();
  const stub = {
    status: LIVE,
    onStatus(hear: (status: SyncStatus) => void) {
      watchers.add(hear);
      return () => watchers.delete(hear);
    },
  };
  return { client: stub as unknown as SyncClient, say: (status) => watchers.forEach((hear) => hear({ ...LIVE, ...status })) };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test.each<[string, ReportOptions['send']]>([
  ['says no', () => false],
  ['rejects', () => Promise.reject(new Error('no'))],
  [
    'throws at once',
    () => {
      throw new Error('no');
    },
  ],
])('a send that %s is asked again ever more seldom, and loses no count', async (_what, refuse) => {
  let taken = 0;
  let times = 0;
  let up = false;
  const stub = client();
  const end = reportStatus(stub.client, {
    url: '/sync/report',
    send: (report) => {
      times += 1;
      if (!up) return refuse!(report);
      taken += report.elections + (report.reconnects.cut ?? 0);
      return true;
    },
  });
  stub.say({ state: 'connecting', reason: 'cut' });
  await jest.advanceTimersByTimeAsync(3_600_000);
  // Six doublings in the first twenty minutes, then one in 640 s.
  expect(times).toBeGreaterThan(6);
  expect(times).toBeLessThan(12);
  up = true;
  await jest.advanceTimersByTimeAsync(640_000);
  expect(taken).toBe(2);
  end();
});

test('an end during a send that fails is the end', async () => {
  let times = 0;
  const end = reportStatus(client().client, {
    url: '/sync/report',
    send: () => {
      times += 1;
      end();
      return false;
    },
  });
  await jest.advanceTimersByTimeAsync(3_600_000);
  expect(times).toBe(1);
});

test('a page that is left sooner reports as it goes, and not twice in 10 s', async () => {
  const page = new EventTarget();
  const leave = (): boolean => page.dispatchEvent(new Event('pagehide'));
  const { addEventListener, removeEventListener } = page;
  Object.assign(globalThis, { addEventListener: addEventListener.bind(page), removeEventListener: removeEventListener.bind(page) });
  try {
    const sent: ClientReport[] = [];
    const stub = client();
    const end = reportStatus(stub.client, { url: '/sync/report', send: (report) => sent.push(report) > 0 });
    stub.say({ state: 'connecting', reason: 'cut' });
    leave();
    expect(sent).toEqual([expect.objectContaining({ elections: 1, handOvers: 0, reconnects: { cut: 1 } })]);
    // It comes back out of the back-forward cache, and is left once more.
    stub.say({ state: 'live' });
    stub.say({ state: 'connecting', reason: 'silent' });
    leave();
    expect(sent).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(sent[1]).toMatchObject({ elections: 0, reconnects: { silent: 1 } });
    // It has nothing to say.
    await jest.advanceTimersByTimeAsync(10_000);
    leave();
    expect(sent).toHaveLength(2);
    end();
    leave();
    expect(sent).toHaveLength(2);
  } finally {
    Object.assign(globalThis, { addEventListener: undefined, removeEventListener: undefined });
  }
});

test.each<[unknown, string]>([
  [undefined, 'reportStatus() must be given the url that takes reports'],
  [{}, 'reportStatus() must be given the url that takes reports'],
  [{ url: '' }, 'reportStatus() must be given the url that takes reports'],
  [{ url: '/r', sample: NaN }, 'sample must be a number from 0 to 1, got NaN'],
  [{ url: '/r', sample: 2 }, 'sample must be a number from 0 to 1, got 2'],
  [{ url: '/r', sample: null }, 'sample must be a number from 0 to 1, got null'],
  [{ url: '/r', sample: '0.5' }, 'sample must be a number from 0 to 1, got 0.5'],
  [{ url: '/r', send: 5 }, 'send must be a function'],
  [{ url: '/r', headers: { token: 'x' } }, 'headers must be a function'],
  [{ url: '/r', credentials: 'yes' }, 'credentials must be omit, same-origin or include'],
  [{ url: '/r', binding: null }, 'binding must be what bindQueryClient() gave'],
  [{ url: '/r', sampel: 0.1 }, 'reportStatus() has no option sampel; it has: url, binding, headers, credentials, send, sample'],
])('%j is an error', (options, message) => {
  expect(() => reportStatus(client().client, options as never)).toThrow(expect.objectContaining({ message, code: 'INVALID_OPTION' }));
});

test('so is what is no client', () => {
  for (const wrong of [null, undefined, {}, 'sync']) expect(() => reportStatus(wrong as never, { url: '/r' })).toThrow('client must be what createSyncClient() gave');
});
