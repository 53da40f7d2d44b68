/**
 * What an app learned with a leader tab of its own making, by hand, in eighteen rounds: the cases that it meant to try, and the faults that it
 * mended. One test for each row of both lists, by its words. What stands in Redis is in `test/redis/check-list.test.ts`.
 */
import { createHub, type Hub } from '../../lib/index.js';
import { step } from '../../lib/client/machine/step.js';
import type { State } from '../../lib/client/machine/types.js';
import type { ClientEvent, Environment, PageEvent } from '../../lib/client/index.js';
import { webHandler } from '../../lib/web/index.js';
import { ann } from '../support/actions.js';
import { waitFor } from '../support/wait.js';
import { Stage, type Page } from './support/stage.js';

const leaders = (pages: readonly Page[]): Page[] => pages.filter(({ client }) => client.status.leader);
const said = ({ statuses }: Page): string[] => statuses.map(({ state, reason }) => `${state} ${reason}`);

async function openLive(stage: Stage, count: number): Promise<Page[]> {
  const pages = Array.from({ length: count }, () => stage.open());
  await stage.run(8_000);
  for (const { client } of pages) expect(client.status.state).toBe('live');
  return pages;
}

const ofTwo = (pages: readonly Page[]): { leader: Page; others: Page[] } => {
  const [leader] = leaders(pages);
  if (!leader) throw new Error('nobody leads');
  return { leader, others: pages.filter((page) => page !== leader) };
};

describe('the cases that it meant to try', () => {
  test('20 tabs open and close: one stream at the server', async () => {
    const stage = new Stage();
    let open = await openLive(stage, 20);
    for (let round = 0; round < 5; round += 1) {
      const { leader, others } = ofTwo(open);
      leader.tab.says('hide');
      leader.tab.kill();
      open = [...others, stage.open()];
      await stage.run(1_000);
      expect([stage.server.streams.size, leaders(open).length]).toEqual([1, 1]);
    }
    await stage.publish();
    for (const { heard } of open) expect(heard).toEqual(['a1']);
  });

  test('the leader crashes: another one within 10 s', async () => {
    const stage = new Stage();
    const { leader, others } = ofTwo(await openLive(stage, 3));
    leader.tab.kill();
    await stage.run(10_000);
    expect([stage.server.streams.size, leaders(others).length]).toEqual([1, 1]);
  });

  test('a duplicated tab: another id', async () => {
    const stage = new Stage();
    const pages = await openLive(stage, 2);
    expect(new Set(pages.map(({ client }) => client.sourceId)).size).toBe(2);
    // Not from a storage: both have the same.
    const { storage } = pages[0]!.environment;
    const kept = ['cursor', 'instance', 'lease'].map((part) => storage?.getItem(`pathcast%2F1 http%3A%2F%2Fapp.test%2Fsync acme ann ${part}`));
    for (const { client } of pages) expect(kept).not.toContain(client.sourceId);
  });

  test.each([true, false])('timers in the background are throttled: no split brain (Web Locks: %s)', async (locks) => {
    const stage = new Stage({ locks });
    const pages = await openLive(stage, 4);
    for (const { tab } of pages) tab.slow = true;
    const { leader } = ofTwo(pages);
    for (let second = 0; second < 60; second += 1) {
      await stage.run(1_000);
      expect([stage.server.streams.size, leaders(pages)]).toEqual([1, [leader]]);
    }
  });

  test('the network flaps: back-off with jitter', async () => {
    const stage = new Stage();
    const pages = await openLive(stage, 2);
    const waits = new Set<number>();
    for (let flap = 0; flap < 5; flap += 1) {
      stage.browser.cutNetwork('down');
      await stage.run(100);
      const cut = stage.clock.now;
      stage.browser.mendNetwork(false);
      while (stage.server.streams.size === 0) await stage.run(10);
      waits.add(stage.clock.now - cut);
      await stage.run(10_000);
    }
    expect(waits.size).toBeGreaterThan(3);
    expect(Math.max(...waits)).toBeLessThan(3_000);
    expect(leaders(pages)).toHaveLength(1);
  });
});

describe('the faults that it mended', () => {
  test('Web Locks hang: a lock that is never given keeps nobody waiting', async () => {
    const stage = new Stage();
    const { environment } = stage.browser.open();
    // Held by somebody who is no tab of ours, and does not answer.
    void environment.locks?.request('pathcast%2F1 http%3A%2F%2Fapp.test%2Fsync acme ann', {}, () => new Promise(() => undefined)).catch(() => undefined);
    await stage.run(100);
    const page = stage.open();
    await stage.run(10_000);
    expect(page.client.status).toMatchObject({ state: 'live', leader: true });
  });

  test('no heartbeat of the leader: silence is noticed, asked about, and ended within 10 s', async () => {
    const stage = new Stage();
    const { leader, others } = ofTwo(await openLive(stage, 2));
    leader.tab.freeze();
    await stage.run(10_000);
    expect(others[0]!.client.status).toMatchObject({ state: 'live', leader: true });
    expect(said(others[0]!)).toContain('connecting electing');
  });

  test('followers said "connected" too early: they say what the leader says', async () => {
    const stage = new Stage();
    stage.server.mode = 'down';
    const pages = [stage.open(), stage.open(), stage.open()];
    await stage.run(5_000);
    for (const page of pages) expect(said(page).filter((state) => state.startsWith('live'))).toEqual([]);
    stage.server.mode = 'up';
    await stage.run(10_000);
    for (const { client } of pages) expect(client.status.state).toBe('live');
  });

  test('split brain where timers are throttled: a leader by lease that stood still gives way to the one that came', async () => {
    const stage = new Stage({ locks: false });
    const pages = await openLive(stage, 3);
    const { leader, others } = ofTwo(pages);
    leader.tab.freeze();
    await stage.run(12_000);
    leader.tab.thaw();
    await stage.run(500);
    expect([leaders(pages).length, stage.server.streams.size, leader.client.status.leader]).toEqual([1, 1, false]);
    expect(leaders(others)).toHaveLength(1);
  });

  test('the payload had another shape in a follower: all get the same object, and its position', async () => {
    const stage = new Stage();
    const pages = await openLive(stage, 3);
    const heard = pages.map(({ client }) => {
      const events: ClientEvent[] = [];
      client.subscribe((event) => events.push(event));
      return events;
    });
    await stage.publish(2);
    expect(heard[0]).toHaveLength(2);
    expect(heard[1]).toEqual(heard[0]);
    expect(heard[2]).toEqual(heard[0]);
    expect(new Set(pages.map(({ client }) => client.status.cursor))).toEqual(new Set(['e1.2']));
  });

  test('429 could not be read: a limit is an event of the stream, is named in all tabs, and is come back from', async () => {
    const stage = new Stage();
    stage.server.mode = 'limit';
    const pages = [stage.open(), stage.open()];
    await stage.run(5_000);
    for (const page of pages) expect(said(page)).toContain('connecting limit');
    stage.server.mode = 'up';
    await stage.run(10_000);
    for (const { client } of pages) expect(client.status.state).toBe('live');
  });

  test.each([true, false])('an interval outlived its stream: who has closed keeps no timer and no listener, and stores nothing (Web Locks: %s)', async (locks) => {
    const stage = new Stage({ locks });
    const running = new Set<object>();
    const stored: string[] = [];
    const listening = new Set<object>();
    const { tab, environment } = stage.browser.open();
    const { setTimeout, clearTimeout, listen, storage } = environment;
    const counted: Partial<Environment> = {
      setTimeout: (run, ms) => {
        const timer = setTimeout(() => {
          running.delete(timer);
          run();
        }, ms) as object;
        running.add(timer);
        return timer;
      },
      clearTimeout: (timer) => {
        running.delete(timer as object);
        clearTimeout(timer);
      },
      listen: (heard: (what: PageEvent) => void) => {
        const end = listen(heard);
        listening.add(end);
        return () => {
          listening.delete(end);
          end();
        };
      },
      storage: { ...storage!, setItem: (name, value) => (stored.push(name), storage!.setItem(name, value)) },
    };
    Object.assign(environment, counted);
    const { client } = stage.join(environment);
    await stage.run(8_000);
    await stage.publish();
    expect([client.status.state, running.size > 0, listening.size]).toEqual(['live', true, 1]);
    client.close();
    await stage.run(1_500);
    const kept = stored.length;
    expect([running.size, listening.size, tab.channels.size, tab.sources.size]).toEqual([0, 0, 0, 0]);
    await stage.run(60_000);
    expect(stored).toHaveLength(kept);
  });

  test("the browser's id stood in the lease: the lease is a tab's, and two tabs of one browser are two", async () => {
    const stage = new Stage({ locks: false });
    const pages = await openLive(stage, 2);
    const { leader } = ofTwo(pages);
    const read = (part: string): string => leader.environment.storage?.getItem(`pathcast%2F1 http%3A%2F%2Fapp.test%2Fsync acme ann ${part}`) ?? '';
    expect(read('lease').split(' ')[0]).toBe(leader.client.sourceId);
    expect([...stage.server.streams].map(({ instance }) => instance)).toEqual([read('instance')]);
    expect(read('instance')).not.toBe(leader.client.sourceId);
  });

  test.each([true, false])('a lease had no generation: each leader has a higher one than the one before (Web Locks: %s)', async (locks) => {
    const stage = new Stage({ locks });
    let open = await openLive(stage, 5);
    const generations: number[] = [];
    for (;;) {
      generations.push([...stage.server.streams][0]!.generation);
      if (open.length === 1) break;
      const { leader, others } = ofTwo(open);
      leader.tab.kill();
      open = others;
      await stage.run(10_000);
    }
    expect(generations).toEqual([...new Set(generations)].sort((a, b) => a - b));
  });

  test('a hook released twice: a handle that closes twice takes no other one with it', async () => {
    const stage = new Stage();
    const page = stage.open();
    const other = stage.join(page.environment);
    await stage.run(1_000);
    page.client.close();
    page.client.close();
    await stage.run(5_000);
    expect([other.client.status.state, stage.server.streams.size]).toEqual(['live', 1]);
  });

  test('named events were not heard: `server_close` says why, and `ping` keeps a quiet stream', async () => {
    const stage = new Stage();
    // As quiet as no company is: its pings are all that comes.
    const [page] = (await openLive(stage, 1)) as [Page];
    const stream = [...stage.server.streams][0];
    await stage.run(60_000);
    expect([...stage.server.streams]).toEqual([stream]);
    stage.server.drain();
    await stage.run(2_000);
    expect(said(page).slice(-2)).toEqual(['connecting drain', 'live open']);
  });

  test.each([true, false])('the guard against a split brain looked at the wrong thing: of two that lead the newer one does, however it was elected (Web Locks: %s)', async (locks) => {
    const stage = new Stage({ locks });
    const pages = await openLive(stage, 2);
    const { leader, others } = ofTwo(pages);
    const newer = others[0]!;
    leader.tab.freeze();
    newer.client.reconnect();
    await stage.run(6_000);
    expect(newer.client.status.leader).toBe(true);
    leader.tab.thaw();
    await stage.run(1_000);
    expect(leaders(pages)).toEqual([newer]);
    // Nor does what the old one still had to say depose the newer one.
    expect(newer.statuses.filter(({ reason }) => reason === 'replaced')).toEqual([]);
  });

  test('a duplicated tab took messages of its twin for its own: it hears everything, and so does the twin', async () => {
    const stage = new Stage();
    const [first] = (await openLive(stage, 1)) as [Page];
    const copy = stage.open();
    await stage.run(1_000);
    await stage.publish(3);
    expect([first.heard, copy.heard]).toEqual([1, 2].map(() => ['a1', 'a2', 'a3']));
  });

  test('two handlers of messages: a page that left and came back hears each event once', async () => {
    const stage = new Stage();
    const pages = await openLive(stage, 2);
    const { others } = ofTwo(pages);
    const page = others[0]!;
    for (let round = 0; round < 3; round += 1) {
      page.tab.says('hide');
      page.tab.says('show');
      await stage.run(500);
    }
    await stage.publish();
    expect([page.heard, page.tab.channels.size, page.tab.heard.size]).toEqual([['a1'], 1, 1]);
  });

  test("a tab's id was not stable: it is the same through all that a page lives through", async () => {
    const stage = new Stage();
    const pages = await openLive(stage, 2);
    const { leader, others } = ofTwo(pages);
    const ids = pages.map(({ client }) => client.sourceId);
    leader.tab.says('hide');
    await stage.run(500);
    leader.tab.says('show');
    others[0]!.client.reconnect();
    await stage.run(2_000);
    expect(pages.map(({ client }) => client.sourceId)).toEqual(ids);
    expect(stage.join(leader.environment).client.sourceId).toBe(leader.client.sourceId);
  });

  test('`server_close` without jitter, heard by the leader alone: browsers come back apart, and each tab is told', async () => {
    const live: State = { at: 'live', from: 0, heard: 0, due: 25_000, last: false, reason: 'open', offline: false, tries: 0, cors: 0, expired: false, retry: 0, beat: 10_000, woke: 0 };
    for (const reason of ['limit', 'slow', 'replaced'] as const) {
      const [, effects] = step(live, { is: 'server_close', reason, retryMs: 1_000 }, 10_000);
      const sleep = effects.find((effect) => effect.do === 'sleep');
      expect([reason, sleep?.floor, (sleep?.spread ?? 0) >= 400]).toEqual([reason, 1_000, true]);
    }
    // A drain's hint has the server's own jitter.
    const hub = createHub({ engine: 'js', retryMs: 1_000 });
    const hints = new Set<number>();
    for (let nth = 0; nth < 10; nth += 1) {
      const response = await webHandler({ hub, identify: ann })(new Request('http://localhost/sync'));
      void hub.disconnect({ userId: 'ann' }, 'drain');
      const hint = Number(/"retryMs":(\d+)/.exec(await response.text())?.[1]);
      expect(hint >= 500 && hint <= 1_500).toBe(true);
      hints.add(hint);
    }
    await hub.close();
    expect(hints.size).toBeGreaterThan(3);

    const stage = new Stage();
    const pages = await openLive(stage, 3);
    stage.server.drain();
    await stage.run(2_000);
    for (const page of pages) expect(said(page).slice(-2)).toEqual(['connecting drain', 'live open']);
  });

  describe('at the server', () => {
    let hub: Hub;
    afterEach(() => hub.close());
    const instance = (name: string, userId = 'ann') => ({ companyId: 'acme', userId, clientInstanceId: name });
    const open = async (options: Parameters<Hub['stream']>[0]) => {
      const stream = hub.stream(options);
      await stream.next();
      return stream;
    };
    const endOf = async (stream: Awaited<ReturnType<typeof open>>): Promise<unknown> => {
      try {
        for (;;) if ((await stream.next()).done) return 'done';
      } catch (error) {
        return (error as { reason?: unknown }).reason;
      }
    };

    test('the oldest was looked for in all: it is evicted each time, whatever the number', async () => {
      hub = createHub({ engine: 'js', limits: { perUser: 50, perCompany: 0, policy: 'evict-oldest' } });
      const streams = [];
      for (let nth = 0; nth < 50; nth += 1) streams.push(await open(instance(`i${nth}`)));
      for (let nth = 0; nth < 5; nth += 1) {
        await open(instance(`more${nth}`));
        expect(await endOf(streams[nth]!)).toBe('evicted');
        expect(hub.metrics()).toMatchObject({ connections: 50, evictions: nth + 1 });
      }
    });

    test('what was kept of an instance outlived its eviction: it comes back as a stream like any other', async () => {
      hub = createHub({ engine: 'js', limits: { perUser: 1, perCompany: 0, policy: 'evict-oldest' } });
      const first = await open(instance('one'));
      const second = await open(instance('two'));
      expect(await endOf(first)).toBe('evicted');
      const again = await open(instance('one'));
      expect(await endOf(second)).toBe('evicted');
      expect(hub.metrics()).toMatchObject({ connections: 1, replacements: 0 });
      // And the one that lives is the one that is replaced.
      await open(instance('one'));
      expect(await endOf(again)).toBe('replaced');
      expect(hub.metrics()).toMatchObject({ connections: 1, replacements: 1 });
    });

    test('`cancel()` did nothing: who stops reading has left', async () => {
      hub = createHub({ engine: 'js' });
      const response = await webHandler({ hub, identify: ann })(new Request('http://localhost/sync'));
      expect(hub.metrics().connections).toBe(1);
      await response.body?.cancel();
      await waitFor(() => hub.metrics().connections === 0, 'the stream to be gone');
      expect(hub.metrics().leases).toBe(0);
    });
  });
});
