/**
 * One stream a browser, whatever the tabs do. Tabs open and close by chance while actions are published; the server counts the streams,
 * and a checker reads what every tab heard, those too that have closed: each action since its rendering once, in order, no `resync`.
 * `PATHCAST_TABS_S` says how long (60 is a minute), `PATHCAST_SEED` which chance.
 */
import { Chromium } from '../support/chromium/chromium.js';
import { runSeed, withSeed } from '../support/random.js';
import { waitFor } from '../support/wait.js';
import { leaderOf, Page } from './support/pages.js';
import { Site } from './support/site.js';

jest.setTimeout(180_000);

const SECONDS = Number(process.env['PATHCAST_TABS_S'] ?? 15);
const MOST_TABS = 20;

let chromium: Chromium;
let site: Site;
beforeAll(async () => {
  [chromium, site] = await Promise.all([Chromium.launch(), Site.start()]);
});
afterAll(async () => {
  await chromium?.close();
  await site?.close();
});

test(`up to ${MOST_TABS} tabs, opened and closed by chance: one stream, and each tab hears every action once`, async () => {
  await withSeed(runSeed(), async (random) => {
    const open: Page[] = [await Page.open(chromium, site)];
    const all = [...open];
    await open[0]!.live();
    const end = Date.now() + SECONDS * 1_000;
    while (Date.now() < end || open.length < 3) {
      if (open.length < MOST_TABS && (open.length < 2 || random.chance(0.6))) {
        const page = await Page.open(chromium, site);
        open.push(page);
        all.push(page);
        if (random.chance(0.5)) await page.live();
      } else {
        // The leader as often as not: it is the one that matters.
        const leads = random.chance(0.5) ? await leaderOf(open) : random.pick(open);
        open.splice(open.indexOf(leads), 1);
        await leads.tab.close();
      }
      await site.publish(1 + random.below(3));
    }
    for (const page of open) await page.live();
    await site.publish();
    for (const page of open) await page.hears(site.published);
    await site.settled();
    expect(site.mostStreams).toBeLessThanOrEqual(2);
    expect(
      all.flatMap((page, index) => page.wrongs(open.includes(page) ? site.published : undefined).map((wrong) => `tab ${index}: ${wrong}`)),
    ).toEqual([]);
    expect(all.length).toBeGreaterThan(3);
    expect(chromium.complaints).toEqual([]);
    await leaderOf(open);
    for (const page of open) await page.tab.close();
    await waitFor(() => site.streams === 0, 'the last stream to end');
  });
});
