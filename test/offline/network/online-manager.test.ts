/** TanStack Query's own onlineManager by proof, and held back for what waits to be sent (SPEC §24, OF3). */
import { onlineManager, QueryClient } from '@tanstack/query-core';
import { INSIDE, type Coordinator, type Inside } from '../../../lib/offline/inside.js';
import { createNetwork } from '../../../lib/offline/network/network.js';
import { bindOnlineManager } from '../../../lib/offline/network/online-manager.js';
import { insideOf, makePage, settle } from '../support/page.js';

/** The page's one, as TanStack has it; put back behind each test. */
afterEach(() => {
  onlineManager.setEventListener(() => undefined);
  onlineManager.setOnline(true);
});

async function open({ verdict = true, there = true } = {}) {
  const page = makePage();
  const inside = insideOf(page);
  let answers: (() => boolean | Promise<boolean>) | undefined = verdict ? () => there : () => new Promise<boolean>(() => undefined);
  const network = createNetwork(inside, () => answers!());
  await settle();
  const listeners = new Set<() => void>();
  const coordinator = {
    at: 'current',
    holds: false,
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    follow: () => undefined,
    set(holds: boolean) {
      coordinator.holds = holds;
      for (const listener of [...listeners]) listener();
    },
  };
  const end = bindOnlineManager(onlineManager, { [INSIDE]: { ...inside, network, coordinator: coordinator as Coordinator } as unknown as Inside });
  return {
    page,
    network,
    coordinator,
    end,
    async server(is: boolean) {
      answers = () => is;
      network.doubt();
      await page.passes(30_000);
    },
  };
}

it('says nothing before there is a verdict: a page that loads reads at once', async () => {
  const { page } = await open({ verdict: false });
  expect(onlineManager.isOnline()).toBe(true);
  await page.passes(5_000);
  expect(onlineManager.isOnline()).toBe(false);
});

it('is offline in a network that the server is not in, and online when it answers', async () => {
  const { server } = await open({ there: false });
  expect(onlineManager.isOnline()).toBe(false);
  await server(true);
  expect(onlineManager.isOnline()).toBe(true);
  await server(false);
  expect(onlineManager.isOnline()).toBe(false);
});

it("is not told by the browser's event what is not proven", async () => {
  const { page } = await open({ there: false });
  page.happens('online');
  await page.passes(1_000);
  expect(onlineManager.isOnline()).toBe(false);
});

it('comes back only when what was done meanwhile has been sent', async () => {
  const { page, network, coordinator } = await open({ there: false });
  coordinator.set(true);
  network.prove();
  await page.passes(9_000);
  expect(onlineManager.isOnline()).toBe(false);
  coordinator.set(false);
  expect(onlineManager.isOnline()).toBe(true);
  expect(page.timers).toBe(0);
});

it('waits for that 10 s at most', async () => {
  const { page, network, coordinator } = await open({ there: false });
  coordinator.set(true);
  network.prove();
  await page.passes(9_999);
  expect(onlineManager.isOnline()).toBe(false);
  await page.passes(1);
  expect(onlineManager.isOnline()).toBe(true);
});

it('is not taken offline for what waits while the server answers', async () => {
  const { coordinator } = await open();
  coordinator.set(true);
  expect(onlineManager.isOnline()).toBe(true);
});

it('a network that goes while it waits begins anew', async () => {
  const { page, network, coordinator } = await open({ there: false });
  coordinator.set(true);
  network.prove();
  await page.passes(9_000);
  page.happens('offline');
  network.prove();
  await page.passes(9_999);
  expect(onlineManager.isOnline()).toBe(false);
  await page.passes(1);
  expect(onlineManager.isOnline()).toBe(true);
});

it("goes by the browser's events again behind its end", async () => {
  const { page, end, network } = await open({ there: false });
  end();
  end();
  expect(onlineManager.isOnline()).toBe(true);
  page.happens('offline');
  expect(onlineManager.isOnline()).toBe(false);
  page.happens('online');
  expect(onlineManager.isOnline()).toBe(true);
  network.doubt();
  await page.passes(60_000);
  expect(onlineManager.isOnline()).toBe(true);
});

it('a query that is on the screen reads again behind what was sent, not before', async () => {
  const { page, network, coordinator } = await open({ there: false });
  const client = new QueryClient();
  client.mount();
  const read: string[] = [];
  let sent = false;
  const fetching = client.fetchQuery({ queryKey: ['pages'], queryFn: () => Promise.resolve(read.push(sent ? 'behind' : 'before')) });
  await settle();
  expect(read).toEqual([]);
  coordinator.set(true);
  network.prove();
  await page.passes(100);
  expect(read).toEqual([]);
  sent = true;
  coordinator.set(false);
  await fetching;
  expect(read).toEqual(['behind']);
  client.unmount();
});
