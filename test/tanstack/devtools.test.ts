/** What the panel of `pathcast/devtools` remembers, by a real QueryClient; and what it is given. The panel itself: test/browser/devtools.test.ts. */
import { notifyManager } from '@tanstack/query-core';
import { createHistory, type History } from '../../lib/devtools/history.js';
import { mountDevtools } from '../../lib/devtools/index.js';
import { agoText, keyText, messageText, msText, pathText } from '../../lib/devtools/text.js';
import { observe } from '../../lib/tanstack/index.js';
import { Page } from './support/page.js';

beforeAll(() => notifyManager.setScheduler(queueMicrotask));

let page: Page;
beforeEach(() => {
  page = new Page();
});
afterEach(() => page.end());

async function remembered(maxEvents: number, known: readonly string[] | undefined, ...paths: string[]): Promise<History> {
  for (const path of paths) page.mount(path);
  await page.live();
  const history = createHistory(maxEvents, known);
  observe(page.binding, (trace) => history.add(trace));
  return history;
}

const verdicts = (history: History): unknown => history.events().map(({ names }) => names.map(({ path, verdict }) => [path, verdict]));

test('a path that no query has is a phantom where the router is known, and only unmet where it is not; a prefix of a query is none', async () => {
  const history = await remembered(10, ['guests.getAll', 'budget.total'], 'guests.getAll');
  page.hear(['guests.getAll', 'guests', 'guests.list', 'budget', 'bud', '*']);
  expect(verdicts(history)).toEqual([
    [['guests.getAll', 'met'], ['guests', 'met'], ['guests.list', 'phantom'], ['budget', 'unmet'], ['bud', 'phantom'], ['*', 'met']],
  ]);
  page.end();
  page = new Page();
  const ignorant = await remembered(10, undefined, 'guests.getAll');
  page.hear(['guests.list']);
  expect(verdicts(ignorant)).toEqual([[['guests.list', 'unmet']]]);
});

test('the life of a query after an event: stale, fetched, failed, there; and sums', async () => {
  const history = await remembered(10, undefined, 'guests.getAll', 'budget.total');
  const states = (): unknown => history.events().map(({ queries }) => [...queries.values()].map(({ key, state, fetches, error }) => [key, state, fetches, error]));
  page.hear(['guests']);
  expect(states()).toEqual([[['guests.getAll', 'marked', 0, undefined]]]);
  await page.pass(300);
  expect(states()).toEqual([[['guests.getAll', 'fetching', 1, undefined]]]);
  page.calls[0]!.fail(new Error('down'));
  await page.pass(0);
  expect(states()).toEqual([[['guests.getAll', 'failed', 1, 'down']]]);
  await page.pass(1_500);
  expect(states()).toEqual([[['guests.getAll', 'fetching', 2, undefined]]]);
  await page.answerAll({}, page.status.cursor);
  expect(states()).toEqual([[['guests.getAll', 'applied', 2, undefined]]]);
  expect(history.sums).toEqual({ events: 1, refetches: 2, failed: 1, coalesced: 0, where: 0, position: 0 });
  expect(history.quantile(0.5)).toBe(history.events()[0]!.queries.values().next().value!.ms);
  history.clear();
  expect([history.events(), history.sums.refetches, history.quantile(0.5)]).toEqual([[], 0, undefined]);
});

test('the oldest events go, the newest stands first; what is told of one that is gone is counted', async () => {
  const history = await remembered(3, undefined, 'guests.getAll');
  for (let nth = 0; nth < 5; nth += 1) page.hear(['guests.getAll', ...Array.from({ length: 100 }, (_, at) => `x${at}.list`)]);
  await page.pass(300);
  await page.answerAll({}, page.status.cursor);
  expect(history.events().map(({ event, names }) => [event.nth, names.length])).toEqual([[5, 64], [4, 64], [3, 64]]);
  expect(history.sums).toMatchObject({ events: 5, coalesced: 4, refetches: 1 });
});

test('words: keys and paths are cut, and what cannot be written is said to be that', () => {
  const circle: unknown[] = [];
  circle.push(circle);
  expect([
    keyText([['guests', 'getById'], { input: { id: 1 }, type: 'query' }]),
    keyText([['guests', 'page'], { type: 'infinite' }]),
    keyText([[]]),
    keyText(['todos', { page: 2 }]),
    keyText([['a'], { input: 10n }]),
    keyText(circle),
  ]).toEqual(['guests.getById {"id":1}', 'guests.page infinite', '*', '["todos",{"page":2}]', 'a key that cannot be written', 'a key that cannot be written']);
  // No half of a character.
  expect([keyText([`${'x'.repeat(156)}😀${'y'.repeat(50)}`]), pathText('p'.repeat(500)).length]).toEqual([`["${'x'.repeat(156)}…`, 120]);
  expect([messageText(new Error('down')), messageText(new TypeError()), messageText(Object.create(null)), messageText('m'.repeat(900)).length]).toEqual([
    'down', 'TypeError', 'an error that cannot be written', 200,
  ]);
  expect([-5, 84.4, 1_234, 90_000].map(msText)).toEqual(['0 ms', '84 ms', '1.2 s', '1 min']);
  expect([-5, 59_999, 60_000, 7_200_000, 172_800_000].map(agoText)).toEqual(['0 s', '59 s', '1 min', '2 h', '2 d']);
});

test('what it is given is checked; on a server it does nothing', async () => {
  await page.live();
  const right = { client: page.client(), binding: page.binding };
  for (const [wrong, message] of [
    [{ client: {} }, 'client must be what createSyncClient() gave'],
    [{ binding: {} }, 'binding must be what bindQueryClient() gave'],
    [{ target: 'body' }, 'target must be an element'],
    [{ maxEvents: 0 }, 'maxEvents must be a whole number from 1 to 1,000, got 0'],
    [{ maxEvents: 1.5 }, 'got 1.5'],
    [{ queryPaths: 'guests' }, 'queryPaths must be a list of texts'],
    [{ colour: 'red' }, 'mountDevtools() has no option colour; it has: client, binding, target, open, maxEvents, queryPaths'],
  ] as const) {
    expect(() => mountDevtools({ ...right, ...wrong } as never)).toThrow(message);
  }
  const devtools = mountDevtools({ ...right, open: true });
  devtools.close();
  devtools[Symbol.dispose]();
});
