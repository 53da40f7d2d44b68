/** Many changes at once cost each browser two refetches of a query at most (SPEC §16): at default settings, over real sockets. */
import { setTimeout as sleep } from 'node:timers/promises';
import { App, type Import, type Viewer } from './support/company.js';

const MUTATIONS = 52;
const ROWS = 10_000;
const BROWSERS = 4;
const ACME = 'acme';

let app: App;
let viewers: Viewer[];
let author: Viewer;
/** ms at which each of them heard of something, since the burst began. */
let heard: number[][];
beforeEach(async () => {
  app = await App.start();
  viewers = await app.open(ACME, BROWSERS);
  author = viewers[0]!;
  heard = viewers.map(({ sync }) => {
    const times: number[] = [];
    sync.subscribe(() => times.push(performance.now()));
    return times;
  });
});
afterEach(() => app.close());

/** ms: what comes further apart is no burst, and what goes on for longer is another one. */
const APART_MS = 150;
const LONGEST_MS = 5_250;

/** Of a browser that heard all of it as it was sent: none. A machine that has much else to do sends it in pieces. */
function pieces(times: readonly number[]): number {
  const apart = times.filter((at, nth) => nth > 0 && at - times[nth - 1]! >= APART_MS).length;
  return apart + Math.floor((times.at(-1)! - times[0]!) / LONGEST_MS);
}
function atMostTwice(): void {
  for (const [nth, { most }] of viewers.entries()) {
    expect(most).toBeGreaterThanOrEqual(1);
    expect(most).toBeLessThanOrEqual(2 + pieces(heard[nth]!));
  }
}

test.each([0, 1_000, 3_000, 5_000])('52 mutations within %i ms', async (overMs) => {
  const from = performance.now();
  for (let nth = 0; nth < MUTATIONS; nth += 1) {
    const wait = from + (nth * overMs) / (MUTATIONS - 1) - performance.now();
    if (wait > 0) await sleep(wait);
    await author.mutate('guests.add');
  }
  await app.settled(ACME, viewers);
  atMostTwice();
});

test.each<Import>(['one-call', 'single-calls'])('an import of 10,000 rows, told of by %s', async (how) => {
  await author.mutate('guests.import', { rows: ROWS, how });
  await app.settled(ACME, viewers);
  expect(app.changes.get(ACME)).toBe(ROWS);
  atMostTwice();
});
