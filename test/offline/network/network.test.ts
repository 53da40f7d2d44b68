/** Whether the app's server can be reached, by proof: the timers under a fake clock (SPEC §24, OF2). Real servers: servers.test.ts. */
import { createNetwork, type Probe } from '../../../lib/offline/network/network.js';
import type { NetworkStatus } from '../../../lib/offline/types.js';
import { insideOf, makePage, settle, type Page } from '../support/page.js';

/** A probe whose answers the test gives. */
class Asked {
  readonly all: { answer: (there: boolean) => void; fail: () => void; signal: AbortSignal }[] = [];
  readonly probe: Probe = (signal) => new Promise((resolve, reject) => this.all.push({ answer: resolve, fail: () => reject(new Error('no')), signal }));

  get last() {
    return this.all.at(-1)!;
  }
}

function open(page: Page, probe?: Probe | string) {
  const told: NetworkStatus[] = [];
  const network = createNetwork(insideOf(page), probe);
  network.subscribe((status) => told.push(status));
  return { network, told };
}

it('asks at once, and says nothing before the answer', async () => {
  const page = makePage();
  const asked = new Asked();
  const { network, told } = open(page, asked.probe);
  expect(network.status).toEqual({ online: true, verified: false, latency: undefined, since: page.clock.now });
  expect(network.verdict).toBe(false);
  expect(asked.all).toHaveLength(1);
  const { now } = page.clock;
  await page.passes(40);
  asked.last.answer(true);
  await settle();
  expect(network.verdict).toBe(true);
  expect(told).toEqual([{ online: true, verified: true, latency: 40, since: now + 40 }]);
});

it('runs no timer and asks nothing while it is verified', async () => {
  const page = makePage();
  const asked = new Asked();
  const { told } = open(page, asked.probe);
  asked.last.answer(true);
  await settle();
  expect(page.timers).toBe(0);
  await page.passes(86_400_000);
  expect([asked.all.length, told.length]).toEqual([1, 1]);
});

it('waits a random part of 1, 2, 4, 8, 16 and then 30 s between two that fail', async () => {
  const page = makePage();
  page.random = 0.999_999;
  const asked = new Asked();
  const { network, told } = open(page, asked.probe);
  const waits: number[] = [];
  for (let nth = 1; nth <= 7; nth += 1) {
    asked.last.fail();
    await settle();
    expect(page.timers).toBe(1);
    const from = page.clock.now;
    while (asked.all.length === nth) await page.passes(10);
    waits.push(Math.round((page.clock.now - from) / 100) / 10);
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30]);
  expect(network.status.verified).toBe(false);
  // The first verdict is told, though it is what was supposed; the same again is not.
  expect(told).toHaveLength(1);
  // None of them waits where chance says 0.
  page.random = 0;
  asked.last.fail();
  await page.passes(0);
  expect(asked.all).toHaveLength(9);
});

it('gives an answer 5 s, and hears nothing of it afterwards', async () => {
  const page = makePage();
  page.random = 1;
  const asked = new Asked();
  const { network, told } = open(page, asked.probe);
  const [first] = asked.all;
  await page.passes(4_999);
  expect(first!.signal.aborted).toBe(false);
  await page.passes(1);
  expect([first!.signal.aborted, network.verdict, network.status.verified]).toEqual([true, true, false]);
  first!.answer(true);
  await settle();
  expect([network.status.verified, told.length]).toEqual([false, 1]);
  await page.passes(1_000);
  asked.last.answer(true);
  await settle();
  expect(network.status.verified).toBe(true);
});

it('takes anything but true for a no', async () => {
  for (const answer of [false, undefined, 'yes', 1]) {
    const page = makePage();
    const { network } = open(page, () => answer as boolean);
    await settle();
    expect([answer, network.status.verified]).toEqual([answer, false]);
  }
  const page = makePage();
  const { network } = open(page, () => {
    throw new Error('synchronously');
  });
  await settle();
  expect([network.verdict, network.status.verified]).toEqual([true, false]);
});

it('asks at once where somebody doubts, and is verified until that says otherwise', async () => {
  const page = makePage();
  const asked = new Asked();
  const { network } = open(page, asked.probe);
  asked.last.answer(true);
  await settle();
  network.doubt();
  network.doubt();
  expect(asked.all).toHaveLength(2);
  expect(network.status.verified).toBe(true);
  asked.last.answer(false);
  await settle();
  expect(network.status.verified).toBe(false);
  // Many calls that fail make it ask no more often.
  for (let nth = 0; nth < 50; nth += 1) network.doubt();
  expect(asked.all).toHaveLength(2);
});

it("is proven by an answer of the app's, also where the browser says that there is no network", async () => {
  const page = makePage();
  const asked = new Asked();
  const { network } = open(page, asked.probe);
  page.happens('offline');
  expect(network.status).toMatchObject({ online: false, verified: false });
  expect(asked.all[0]!.signal.aborted).toBe(true);
  page.clock.now += 25;
  network.prove(25);
  expect(network.status).toMatchObject({ online: true, verified: true, latency: 25 });
  expect(page.timers).toBe(0);
});

it('is offline at once with the event, and asks at once when the browser has one again', async () => {
  const page = makePage();
  page.random = 1;
  const asked = new Asked();
  const { network, told } = open(page, asked.probe);
  asked.last.answer(true);
  await settle();
  page.happens('offline');
  expect(told.at(-1)).toMatchObject({ online: false, verified: false, since: page.clock.now });
  // The browser may be wrong: it is asked all the same, more and more seldom.
  await page.passes(1_000);
  expect(asked.all).toHaveLength(2);
  asked.last.fail();
  await settle();
  page.happens('online');
  expect(asked.all).toHaveLength(3);
  // In a network, and not there yet.
  expect(network.status).toMatchObject({ online: false, verified: false });
  asked.last.answer(true);
  await settle();
  expect(network.status).toMatchObject({ online: true, verified: true });
});

it('a network that the server is not in is online and not verified', async () => {
  const page = makePage();
  const { network } = open(page, () => false);
  await settle();
  expect(network.status).toMatchObject({ online: true, verified: false });
});

it('asks nothing of a page that is away, and looks again when it comes back', async () => {
  const page = makePage();
  const asked = new Asked();
  open(page, asked.probe);
  asked.last.fail();
  await settle();
  page.happens('hide');
  expect(page.timers).toBe(0);
  await page.passes(600_000);
  expect(asked.all).toHaveLength(1);
  page.happens('show');
  expect(asked.all).toHaveLength(2);
  asked.last.answer(true);
  await settle();
  // Verified is a word of before, too.
  page.happens('hide');
  page.happens('show');
  expect(asked.all).toHaveLength(3);
  asked.last.answer(true);
  await settle();
  page.happens('wake');
  expect(asked.all).toHaveLength(3);
});

it('says the latency of the last proof, once a second where nothing else changes', async () => {
  const page = makePage();
  const { network, told } = open(page, () => true);
  await settle();
  expect(network.status.latency).toBe(0);
  const { since } = network.status;
  await page.passes(999);
  network.prove(70);
  expect(network.status.latency).toBe(0);
  await page.passes(1);
  network.prove(80);
  network.prove(90);
  network.prove();
  expect(network.status).toEqual({ online: true, verified: true, latency: 80, since });
  expect(told).toHaveLength(2);
});

it('without a probe what is in doubt is there again after the wait: longer each time, until something answers', async () => {
  const page = makePage();
  page.random = 1;
  const { network } = open(page);
  expect(network.status).toMatchObject({ online: true, verified: true, latency: undefined });
  const waits: number[] = [];
  for (let nth = 0; nth < 3; nth += 1) {
    network.doubt();
    expect(network.status.verified).toBe(false);
    const from = page.clock.now;
    while (!network.status.verified) await page.passes(100);
    waits.push(page.clock.now - from);
  }
  expect(waits).toEqual([1_000, 2_000, 4_000]);
  network.prove();
  network.doubt();
  await page.passes(1_000);
  expect(network.status.verified).toBe(true);
});

it('a listener that throws stops no other, and one that has left hears nothing', async () => {
  const page = makePage();
  const asked = new Asked();
  const { network } = open(page, asked.probe);
  const heard: string[] = [];
  network.subscribe(() => {
    throw new Error('mine');
  });
  const leave = network.subscribe(() => heard.push('first'));
  network.subscribe(() => heard.push('second'));
  asked.last.answer(true);
  await settle();
  leave();
  network.doubt();
  asked.last.answer(false);
  await settle();
  expect(heard).toEqual(['first', 'second', 'second']);
  expect(page.reported.map(String)).toEqual(['Error: mine', 'Error: mine']);
});

it('does nothing any more when it is closed', async () => {
  const page = makePage();
  const asked = new Asked();
  const { network, told } = open(page, asked.probe);
  page.close();
  expect([asked.last.signal.aborted, page.timers]).toEqual([true, 0]);
  network.prove(1);
  network.doubt();
  page.happens('offline');
  page.happens('online');
  asked.last.answer(true);
  await page.passes(60_000);
  expect([asked.all.length, told.length, page.timers]).toEqual([1, 0, 0]);
  network.close();
});
