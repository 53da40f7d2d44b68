/** One change in a small company is on every screen at once (SPEC §16): from the commit until an observer has it, over real sockets, at default settings. */
import { setTimeout as sleep } from 'node:timers/promises';
import { App, type Viewer } from './support/company.js';
import { percentile } from './support/peak.js';

/** So many, each alone in its log, of so many people. */
const COMPANIES = 12;
const PEOPLE = 5;
const CHANGES = 17;
/** ms between two changes of a company: each of them is a first one. */
const APART_MS = 1_200;
const PROMISED_MS = 300;
/** How much of the way a machine that has much else to do may add. `PATHCAST_QUIET=1` says that this one has nothing else to do. */
const MACHINE_MS = process.env['PATHCAST_QUIET'] === '1' ? 0 : 2_000;

test(`${COMPANIES * CHANGES} changes in companies of five: from commit to screen`, async () => {
  const app = await App.start();
  try {
    const waited: number[] = [];
    const companies: { companyId: string; viewers: Viewer[]; last: number }[] = [];
    for (let nth = 0; nth < COMPANIES; nth += 1) {
      const companyId = `company-${nth}`;
      companies.push({ companyId, viewers: await app.open(companyId, PEOPLE), last: performance.now() });
    }
    // One after the other: they share this process, and what one does is no part of another one's way.
    for (let change = 1; change <= CHANGES; change += 1) {
      for (const company of companies) {
        const { companyId, viewers } = company;
        await sleep(Math.max(0, company.last + APART_MS - performance.now()));
        await viewers[change % PEOPLE]!.mutate('guests.add');
        await app.settled(companyId, viewers);
        const { ran } = app.written.get(companyId)![change - 1]!;
        waited.push(...viewers.map(({ rendered }) => rendered.get(change)! - ran));
        company.last = performance.now();
      }
    }
    expect(waited).toHaveLength(COMPANIES * CHANGES * PEOPLE);
    expect(percentile(waited, 0.5)).toBeLessThan(MACHINE_MS === 0 ? PROMISED_MS / 2 : PROMISED_MS * 2);
    expect(percentile(waited, 0.99)).toBeLessThan(PROMISED_MS + MACHINE_MS);
  } finally {
    await app.close();
  }
});
