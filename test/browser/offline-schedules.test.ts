/**
 * Random schedules on the IndexedDB of a real Chromium: one to three tabs, each closed, crashed, killed or loaded again whenever; calls that are held, lost or refused.
 * By what was kept: each is done at most once, the last of each row is what the server has, and a row's changes come in their order. `PATHCAST_OFFLINE_BROWSER=300`
 * is the long run.
 */
import { Chromium } from '../support/chromium/chromium.js';
import { makeRandom, runSeed, type Random } from '../support/random.js';
import { bundle } from './support/bundle.js';
import { OfflineSite, type Fate } from './support/offline-site.js';
import { OFFLINE_PAGE, OfflineTab } from './support/offline-tab.js';

const COUNT = Number(process.env['PATHCAST_OFFLINE_BROWSER'] ?? 12);
jest.setTimeout(120_000 + COUNT * 20_000);

const ROWS = ['a', 'b', 'c'];
const STEPS = 14;

interface Intent {
  row: string;
  value: number;
  /** False: the tab went while it was being kept, so it may be kept or not. */
  kept: boolean;
}

async function schedule(chromium: Chromium, site: OfflineSite, user: string, random: Random): Promise<string[]> {
  const context = await chromium.privateContext();
  const intents: Intent[] = [];
  const story: string[] = [];
  const tabs: OfflineTab[] = [];
  let value = 0;
  const open = async (): Promise<void> => void tabs.push(await OfflineTab.open(chromium, site, user, { context }));
  site.up = true;
  for (const row of ROWS) site.model.call('pages.create', { id: row, title: 0, tx: { transactionId: `${user}-${row}` } });
  const fates: (Fate | undefined)[] = [undefined, undefined, undefined, 'lost', 'refused', 'held', 'held-after'];
  site.fate = () => random.pick(fates);
  await open();

  for (let step = 0; step < STEPS; step++) {
    const tab = tabs.length > 0 ? random.pick(tabs) : undefined;
    const what = tab ? random.pick(['do', 'do', 'do', 'do', 'do and end', 'end', 'open', 'load', 'release', 'down', 'up']) : 'open';
    story.push(`${String(step)} ${what}`);
    const end = async (): Promise<void> => {
      if (!tab) return;
      tabs.splice(tabs.indexOf(tab), 1);
      await random.pick([() => tab.tab.close(), () => tab.crash(), () => tab.kill()])();
    };
    if (what === 'open' && tabs.length < 3) await open();
    else if (what === 'release') site.release();
    else if (what === 'down' || what === 'up') site.up = what === 'up';
    else if (what === 'end') await end();
    else if (tab && what === 'load') {
      await tab.tab.reload();
      await tab.tab.evaluate('started');
    } else if (tab && what.startsWith('do')) {
      const intent: Intent = { row: random.pick(ROWS), value: ++value, kept: false };
      intents.push(intent);
      const kept = tab.keep('pages.update', { id: intent.row, title: intent.value }).then(() => (intent.kept = true), () => undefined);
      if (what === 'do') await kept;
      else await end();
      // Of a tab that is gone nothing comes any more.
      if (what !== 'do') await Promise.race([kept, new Promise((resolve) => setImmediate(resolve))]);
    }
  }

  site.up = true;
  site.fate = () => undefined;
  site.release();
  if (tabs.length === 0) await open();
  const [tab] = tabs as [OfflineTab];
  await tab.settled();
  const wrongs: string[] = [];
  const states = await tab.tab.evaluate<{ conflicted: number; failed: number }>('offline.status');
  if (states.conflicted + states.failed > 0) wrongs.push(`${JSON.stringify(await tab.entries())} wait for a person, and nobody else was there`);
  for (const row of ROWS) {
    const written = site.model.written.filter((one) => one.row === `pages ${row}` && one.path === 'pages.update').map((one) => one.value as number);
    if (new Set(written).size !== written.length) wrongs.push(`${row}: written twice: ${written.join()}`);
    if (written.some((one, at) => at > 0 && one < (written[at - 1] ?? 0))) wrongs.push(`${row}: out of order: ${written.join()}`);
    const own = intents.filter((intent) => intent.row === row);
    const last = own.findLastIndex(({ kept }) => kept);
    const allowed = last < 0 ? [0, ...own.map((intent) => intent.value)] : own.slice(last).map((intent) => intent.value);
    const is = site.model.rows.get(`pages ${row}`)?.['title'] as number;
    if (!allowed.includes(is)) wrongs.push(`${row} is ${String(is)}, and was kept as ${allowed.join(' or ')}`);
  }
  for (const page of tabs) await page.tab.close();
  return wrongs.length > 0 ? [...wrongs, story.join(', ')] : [];
}

test(`${String(COUNT)} schedules: what was kept is done once, in order, and the last of it stands`, async () => {
  const seed = runSeed();
  const chromium = await Chromium.launch();
  const script = await bundle(OFFLINE_PAGE);
  try {
    for (let nth = 0; nth < COUNT; nth++) {
      const site = await OfflineSite.start({ '/client.js': script, '/page.css': '' });
      const random = makeRandom(seed + nth);
      try {
        const wrongs = await schedule(chromium, site, `user-${String(nth)}`, random);
        if (wrongs.length > 0) throw new Error(wrongs.join('\n'));
      } catch (error) {
        throw new Error(`Failed with PATHCAST_SEED=${String(seed + nth)} PATHCAST_OFFLINE_BROWSER=1: ${String(error)}`, { cause: error });
      } finally {
        await site.close();
      }
    }
  } finally {
    await chromium.close();
  }
});
