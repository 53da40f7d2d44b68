/** All browsers of a company do not ask at once (SPEC §16, §18): what a server gets of one change is at most half as much again as if it were spread evenly. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as Core from '@tanstack/query-core';
import { Clock } from '../client/simulation/clock.js';
import { makeRandom } from '../support/random.js';
import { App, type Viewer } from './support/company.js';
import { Page } from './support/page.js';
import { peak, percentile } from './support/peak.js';

const BROWSERS = 50;
/** ms that each stream adds, by default. */
const PER_STREAM_MS = 5;
/** The rate is looked at over so much of the spread. */
const WINDOW = 1 / 3;
/** Over many changes; of one change, in which each browser draws its part by chance, in 19 of 20. */
const MOST = 1.5;
const MOST_OF_ONE = 2;
/** ms that a page in sight waits at most. */
const IN_SIGHT_MS = 250;
/** ms after which a change is no part of a burst any more. */
const APART_MS = 3_000;

/** `changes`: of each the ms at which the browsers asked. The rates are in those that an even spread would have. */
function rates(changes: readonly (readonly number[])[], spreadMs: number): { ofAll: number; ofOne: number } {
  const even = BROWSERS * WINDOW;
  return {
    ofAll: peak(changes.flat(), spreadMs * WINDOW) / changes.length / even,
    ofOne: percentile(changes.map((times) => peak(times, spreadMs * WINDOW) / even), 0.95),
  };
}

describe('by a clock of its own', () => {
  const CHANGES = 60;
  const PATH = 'guests.getAll';
  let clock: Clock;
  let pages: Page[];
  let asked: number[];
  beforeEach(async () => {
    clock = new Clock();
    const random = makeRandom(7);
    pages = Array.from({ length: BROWSERS }, () => new Page(Core, clock));
    asked = [];
    for (const page of pages) {
      Object.defineProperty(page, 'chance', { get: random.next });
      page.tell({ state: 'live', reason: 'open', cursor: 'e.0' });
      page.bind();
      page.mount(PATH, {
        queryFn: () => {
          asked.push(clock.now);
          return Promise.resolve('read');
        },
      });
    }
    await pages[0]!.pass(10_000);
  });
  afterEach(() => [...pages].reverse().forEach((page) => page.end()));

  async function changes(spreadMs: number): Promise<number[][]> {
    const all: number[][] = [];
    for (let nth = 0; nth < CHANGES; nth += 1) {
      asked.splice(0);
      const from = clock.now;
      for (const page of pages) page.hear([PATH], { spreadMs });
      await pages[0]!.pass(APART_MS + 2 * spreadMs);
      all.push(asked.map((at) => at - from));
    }
    for (const times of all) expect(times).toHaveLength(BROWSERS);
    return all;
  }

  test('pages in sight spread over what the server asks for, and none waits longer than 250 ms', async () => {
    const spreadMs = BROWSERS * PER_STREAM_MS;
    const all = await changes(spreadMs);
    const { ofAll, ofOne } = rates(all, spreadMs);
    expect(ofAll).toBeLessThanOrEqual(MOST);
    expect(ofOne).toBeLessThanOrEqual(MOST_OF_ONE);
    expect(Math.max(...all.flat())).toBeLessThanOrEqual(IN_SIGHT_MS);
  });

  test('where the server asks for more, pages in sight wait no longer', async () => {
    expect(Math.max(...(await changes(5_000)).flat())).toBeLessThanOrEqual(IN_SIGHT_MS);
  });

  test.each([250, 1_000, 5_000])('hidden pages spread over %i ms', async (spreadMs) => {
    for (const page of pages) page.visible = false;
    const { ofAll, ofOne } = rates(await changes(spreadMs), spreadMs);
    expect(ofAll).toBeLessThanOrEqual(MOST);
    expect(ofOne).toBeLessThanOrEqual(MOST_OF_ONE);
  });

  test('a burst of 52 events is two refetches of each, and both are spread', async () => {
    const spreadMs = BROWSERS * PER_STREAM_MS;
    const waves: [first: number[], second: number[]] = [[], []];
    const BURSTS = 20;
    for (let burst = 0; burst < BURSTS; burst += 1) {
      asked.splice(0);
      const from = clock.now;
      for (let nth = 0; nth < 52; nth += 1) {
        for (const page of pages) page.hear([PATH], { spreadMs });
        await pages[0]!.pass(60);
      }
      const during = asked.length;
      await pages[0]!.pass(APART_MS + spreadMs);
      // All browsers read once while it goes on, and once when it is over.
      expect([during, asked.length - during]).toEqual([BROWSERS, BROWSERS]);
      waves[0].push(...asked.slice(0, during).map((at) => at - from));
      waves[1].push(...asked.slice(during).map((at) => at - from));
    }
    for (const wave of waves) expect(peak(wave, spreadMs * WINDOW) / BURSTS).toBeLessThanOrEqual(MOST * BROWSERS * WINDOW);
  });
});

test('fifty browsers over real sockets', async () => {
  const CHANGES = 6;
  // Hidden, and over so long: fifty browsers in one process take a tenth of it to ask, however they wait.
  const perStreamMs = 8 * PER_STREAM_MS;
  const spreadMs = BROWSERS * perStreamMs;
  const app = await App.start({ spread: { perStreamMs } });
  try {
    const viewers = await app.open('acme', BROWSERS, { visible: false });
    const heard = new Map<Viewer, { at: number; spreadMs: unknown }>();
    for (const viewer of viewers) viewer.sync.subscribe((event) => heard.set(viewer, { at: performance.now(), spreadMs: (event as { spreadMs?: number }).spreadMs }));
    const all: number[][] = [];
    for (let nth = 0; nth < CHANGES; nth += 1) {
      await sleep(APART_MS / 3);
      for (const viewer of viewers) viewer.forget();
      await viewers[0]!.mutate('guests.add');
      await app.settled('acme', viewers);
      expect(Math.max(...viewers.map(({ most }) => most))).toBe(1);
      expect(new Set([...heard.values()].map((event) => event.spreadMs))).toEqual(new Set([spreadMs]));
      // From when each has heard of it: they share this process, and one hears after the other.
      all.push(viewers.map((viewer) => viewer.asked.get('guests.getAll')![0]! - heard.get(viewer)!.at));
    }
    expect(rates(all, spreadMs).ofAll).toBeLessThanOrEqual(MOST);
  } finally {
    await app.close();
  }
});
