/** `reportStatus`: a server that takes nothing is asked ever more seldom, an end is one, and options are checked. */
import { reportStatus, type ReportOptions } from '../../lib/report/index.js';
import type { SyncClient, SyncStatus } from '../../lib/client/index.js';

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

test.each([
  [{}, 'reportStatus() must be given the url that takes reports'],
  [{ url: '/r', sample: NaN }, 'sample must be a number from 0 to 1, got NaN'],
  [{ url: '/r', sample: 2 }, 'sample must be a number from 0 to 1, got 2'],
])('%j is an error', (options, message) => {
  expect(() => reportStatus(client().client, options as never)).toThrow(message);
});
