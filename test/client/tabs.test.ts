/**
 * Several tabs of one browser, under a fake clock: who leads, what followers hear, what happens when a tab leaves, sleeps, is copied, is of
 * another version, or finds its storage, locks or channels missing. SPEC §15, invariants T1 to T9.
 */
import { webLocks } from '../../lib/client/leadership/web-locks.js';
import { Stage, type Page } from './support/stage.js';

const leaders = (...pages: Page[]): number => pages.filter(({ client }) => client.status.leader).length;
const states = (...pages: Page[]): string[] => pages.map(({ client }) => `${client.status.state} ${client.status.reason}`);

describe.each([
  ['Web Locks', true],
  ['a lease', false],
])('by %s', (_name, locks) => {
  test('one stream for all tabs; each hears each action once, and one of them leads', async () => {
    const stage = new Stage({ locks });
    const pages = Array.from({ length: 20 }, () => stage.open());
    await stage.run(8_000);
    expect(stage.server.streams.size).toBe(1);
    expect(leaders(...pages)).toBe(1);
    await stage.publish(3);
    for (const { heard } of pages) expect(heard).toEqual(['a1', 'a2', 'a3']);
  });

  test('a leader that is killed is replaced within 10 s, and nothing is lost or doubled', async () => {
    const stage = new Stage({ locks });
    const [first, ...rest] = [stage.open(), stage.open(), stage.open()];
    await stage.run(8_000);
    const leader = [first, ...rest].find(({ client }) => client.status.leader)!;
    const others = [first, ...rest].filter((page) => page !== leader);
    await stage.publish();
    leader.tab.kill();
    await stage.publish();
    await stage.run(10_000);
    expect([stage.server.streams.size, leaders(...others)]).toEqual([1, 1]);
    for (const { heard } of others) expect(heard).toEqual(['a1', 'a2']);
  });

  test('a leader that is stopped for 30 s is replaced within 10 s, and follows when it goes on', async () => {
    const stage = new Stage({ locks });
    const pages = [stage.open(), stage.open(), stage.open()];
    await stage.run(8_000);
    const leader = pages.find(({ client }) => client.status.leader)!;
    const others = pages.filter((page) => page !== leader);
    leader.tab.freeze();
    await stage.publish();
    await stage.run(10_000);
    await stage.publish();
    expect(leaders(...others)).toBe(1);
    for (const { heard } of others) expect(heard).toEqual(['a1', 'a2']);
    await stage.run(20_000);
    leader.tab.thaw();
    await stage.run(2_000);
    expect([leaders(...pages), stage.server.streams.size]).toEqual([1, 1]);
    expect(leader.client.status).toMatchObject({ state: 'live', leader: false });
    expect([...leader.heard].sort()).toEqual(['a1', 'a2']);
  });

  test('reconnect() from a follower makes the leader connect anew', async () => {
    const stage = new Stage({ locks });
    const pages = [stage.open(), stage.open()];
    await stage.run(8_000);
    const follower = pages.find(({ client }) => !client.status.leader)!;
    const before = [...stage.server.streams][0];
    follower.client.reconnect();
    await stage.run(500);
    expect(stage.server.streams.size).toBe(1);
    expect([...stage.server.streams][0]).not.toBe(before);
    expect(states(...pages)).toEqual(['live open', 'live open']);
  });

  test('reconnect() from a follower whose leader is frozen takes the lead', async () => {
    const stage = new Stage({ locks });
    const pages = [stage.open(), stage.open()];
    await stage.run(8_000);
    const leader = pages.find(({ client }) => client.status.leader)!;
    const follower = pages.find((page) => page !== leader)!;
    leader.tab.freeze();
    follower.client.reconnect();
    await stage.run(4_500);
    expect(follower.client.status).toMatchObject({ state: 'live', leader: true });
  });

  test('sign-out in one tab ends the stream in all, and wipes what was stored', async () => {
    const stage = new Stage({ locks });
    const [one, two] = [stage.open(), stage.open()];
    await stage.run(8_000);
    await stage.publish();
    await stage.run(2_000);
    const stored = (): string[] => ['cursor', 'instance', 'lease'].filter((part) => one.environment.storage?.getItem(`pathcast%2F1 http%3A%2F%2Fapp.test%2Fsync acme ann ${part}`));
    expect(stored()).toEqual(locks ? ['cursor', 'instance'] : ['cursor', 'instance', 'lease']);
    two.client.close({ forget: true });
    await stage.run(500);
    expect(stage.server.streams.size).toBe(0);
    expect(one.client.status).toMatchObject({ state: 'closed', reason: 'forgotten', leader: false });
    expect(two.client.status).toMatchObject({ state: 'closed', reason: 'forgotten' });
    expect(stored()).toEqual([]);
  });

  test('what is refused in one tab is refused in all, and reconnect() of any tries again', async () => {
    const stage = new Stage({ locks });
    const pages = [stage.open(), stage.open()];
    await stage.run(8_000);
    for (const stream of [...stage.server.streams]) {
      stream.connection.deliver('server_close', undefined, { type: 'server_close', timestamp: 0, queryPaths: [], reason: 'revoked', retryMs: 100 });
      stage.server.gone(stream);
      stream.connection.ended();
    }
    await stage.run(60_000);
    expect(states(...pages)).toEqual(['refused revoked', 'refused revoked']);
    expect(stage.server.streams.size).toBe(0);
    pages.find(({ client }) => !client.status.leader)!.client.reconnect();
    await stage.run(500);
    expect(states(...pages)).toEqual(['live open', 'live open']);
  });
});

test('pagehide gives up lock, stream and channel at once; pageshow queues again, and misses nothing', async () => {
  const stage = new Stage();
  const [first, second] = [stage.open(), stage.open()];
  await stage.run(1_000);
  first.tab.says('hide');
  expect([first.tab.sources.size, first.tab.channels.size]).toEqual([0, 0]);
  first.tab.freeze();
  await stage.run(200);
  expect(second.client.status).toMatchObject({ state: 'live', leader: true });
  await stage.publish(2);
  first.tab.thaw();
  first.tab.says('show');
  await stage.run(500);
  expect(first.client.status).toMatchObject({ state: 'live', leader: false });
  expect([first.heard, second.heard]).toEqual([['a1', 'a2'], ['a1', 'a2']]);
  // The first `pageshow` of a page is no return.
  second.tab.says('show');
  await stage.run(500);
  expect(stage.server.streams.size).toBe(1);
});

test('a leader that leaves is followed by whoever waited, at once, and without anybody asking', async () => {
  const stage = new Stage();
  const [first, second] = [stage.open(), stage.open()];
  await stage.run(1_000);
  first.client.close();
  // The second after which a page that nobody uses lets go.
  await stage.run(1_100);
  expect(second.client.status).toMatchObject({ state: 'live', leader: true });
});

test('a follower whose page is older gets what came since; from beyond what is remembered it alone is told to read everything', async () => {
  const stage = new Stage();
  const first = stage.open();
  await stage.run(1_000);
  await stage.publish(3);
  const second = stage.open({ since: 'e1.1' });
  await stage.run(500);
  expect(second.heard).toEqual(['a2', 'a3']);
  await stage.publish(600);
  // Until then its leader would look for older ones at the server.
  await stage.run(10_000);
  const [recent, old] = [stage.open({ since: 'e1.103' }), stage.open({ since: 'e1.102' })];
  await stage.run(500);
  expect(recent.heard).toHaveLength(500);
  expect(old.heard).toEqual(['resync']);
  expect(old.client.status.cursor).toBe('e1.603');
  expect(first.heard).toHaveLength(603);
  // From here on it hears everything.
  await stage.publish();
  expect([recent.heard.at(-1), old.heard.at(-1)]).toEqual(['a604', 'a604']);
});

describe('a newcomer leads before a tab that has heard more: the stream begins again where that one is', () => {
  test('its page was rendered while nobody had a stream', async () => {
    const stage = new Stage();
    const [first, second] = [stage.open(), stage.open()];
    await stage.run(1_000);
    await stage.publish();
    first.tab.freeze();
    await stage.publish(3);
    const newcomer = stage.open({ since: stage.server.head });
    newcomer.client.reconnect();
    await stage.run(4_500);
    expect(newcomer.client.status).toMatchObject({ state: 'live', leader: true, cursor: 'e1.4' });
    await stage.publish();
    expect([second.heard, newcomer.heard]).toEqual([['a1', 'a2', 'a3', 'a4', 'a5'], ['a5']]);
    first.tab.thaw();
    await stage.run(2_000);
    expect(first.heard).toEqual(second.heard);
  });

  test('it stood still since it had come, and is given a lock of which it knows nothing', async () => {
    const stage = new Stage();
    const [first, still, third, fourth] = [stage.open(), stage.open(), stage.open(), stage.open()];
    still.tab.freeze();
    await stage.run(200);
    await stage.publish(2);
    fourth.tab.freeze();
    await stage.publish();
    // Before a position is stored.
    first.tab.kill();
    await stage.publish(2);
    still.tab.thaw();
    await stage.run(2_000);
    fourth.tab.thaw();
    await stage.run(2_000);
    expect(still.client.status).toMatchObject({ state: 'live', leader: true });
    await stage.publish();
    expect([third.heard, fourth.heard]).toEqual([1, 2].map(() => ['a1', 'a2', 'a3', 'a4', 'a5', 'a6']));
    // From its first position on, once.
    expect(still.heard).toEqual(['a4', 'a5', 'a6'].slice(3 - still.heard.length));
    expect(stage.server.streams.size).toBe(1);
  });

  test('not for long: who comes later from before what it remembers is told to read everything, alone', async () => {
    const stage = new Stage();
    await stage.publish(3);
    const first = stage.open();
    await stage.run(11_000);
    const old = stage.open({ since: 'e1.1' });
    await stage.run(500);
    expect([first.heard, old.heard]).toEqual([[], ['resync']]);
  });

  test('a gap that it had stays one: who asks it later, from before, is told of it too', async () => {
    const stage = new Stage();
    await stage.publish(3);
    const first = stage.open();
    await stage.run(11_000);
    const old = stage.open({ since: 'e1.1' });
    await stage.run(500);
    first.tab.kill();
    await stage.run(11_000);
    expect(old.client.status).toMatchObject({ state: 'live', leader: true });
    const older = stage.open({ since: 'e1.1' });
    await stage.run(500);
    expect([old.heard, older.heard]).toEqual([['resync'], ['resync']]);
  });
});

test('a page that was rendered at a time hears what came from then on', async () => {
  const stage = new Stage();
  stage.open();
  await stage.run(1_000);
  await stage.publish();
  const [late, early] = [stage.open({ since: stage.clock.now }), stage.open({ since: stage.clock.now - 3_600_000 })];
  await stage.run(500);
  // Twice is possible by time, never is not.
  expect(late.heard).toEqual(['a1']);
  expect(early.heard).toEqual(['resync']);
});

test('a message that is lost between tabs is noticed at the next, and made up for', async () => {
  const stage = new Stage();
  const [, second] = [stage.open(), stage.open()];
  await stage.run(1_000);
  const { channel } = second.environment;
  expect(channel).toBeDefined();
  stage.browser.lossy = true;
  for (let nth = 0; nth < 40; nth += 1) await stage.publish();
  stage.browser.lossy = false;
  await stage.publish();
  await stage.run(4_000);
  expect(second.heard).toEqual(Array.from({ length: 41 }, (_, nth) => `a${nth + 1}`));
});

test('a duplicated tab has its own id: nothing of a tab is in a storage', async () => {
  const stage = new Stage();
  const [first, copy] = [stage.open(), stage.open()];
  await stage.run(1_000);
  expect(first.client.sourceId).not.toBe(copy.client.sourceId);
  expect(leaders(first, copy)).toBe(1);
});

test('another user in another tab, and a private window, have streams of their own', async () => {
  const stage = new Stage();
  const own = stage.other();
  const pages = [stage.open(), stage.open({ userId: 'bob' }), stage.open({ companyId: 'bexco' }), stage.open({}, {}, own)];
  await stage.run(1_000);
  expect(stage.server.streams.size).toBe(4);
  expect(leaders(...pages)).toBe(4);
  expect(new Set([...stage.server.streams].map(({ instance }) => instance)).size).toBe(4);
});

test('names of locks, channels and what is stored carry the version: tabs of another one are not disturbed', async () => {
  const stage = new Stage();
  const names: string[] = [];
  const { open } = { open: stage.open({}, {}).environment };
  const page = stage.open({ userId: 'bob' }, {
    channel: (name) => {
      names.push(name);
      return open.channel!(name);
    },
    locks: {
      request: (name, options, held) => {
        names.push(name);
        return open.locks!.request(name, options, held);
      },
    },
  });
  await stage.run(1_000);
  expect(page.client.status.state).toBe('live');
  expect(names.length).toBeGreaterThan(1);
  for (const name of names) expect(name).toMatch(/^pathcast%2F1 /);
});

describe('what a browser lacks', () => {
  test.each([
    ['Web Locks and a storage', { locks: undefined, storage: undefined }, 2],
    ['channels', { channel: undefined }, 2],
    ['a storage', { storage: undefined }, 1],
    ['Web Locks', { locks: undefined }, 1],
  ])('%s: streams that disturb each other in nothing', async (_name, lacking, streams) => {
    const stage = new Stage();
    const pages = [stage.open({}, lacking), stage.open({}, lacking)];
    await stage.run(8_000);
    expect(stage.server.streams.size).toBe(streams);
    expect(leaders(...pages)).toBe(streams);
    await stage.publish();
    await stage.run(10_000);
    for (const { heard } of pages) expect(heard).toEqual(['a1']);
    expect(states(...pages)).toEqual(['live open', 'live open']);
    // Each kept its stream: nobody was replaced.
    for (const { statuses } of pages) expect(statuses.filter(({ reason }) => reason === 'replaced')).toEqual([]);
  });

  test('a storage that throws, or is full, is as none', async () => {
    const stage = new Stage();
    const broken = (): never => {
      throw new Error('QuotaExceededError');
    };
    const storage = { getItem: broken, setItem: broken, removeItem: broken };
    const pages = [stage.open({}, { storage }), stage.open({}, { storage })];
    await stage.run(1_000);
    await stage.publish();
    expect(stage.server.streams.size).toBe(1);
    for (const { heard } of pages) expect(heard).toEqual(['a1']);
    const lockless = [stage.open({ userId: 'bob' }, { storage, locks: undefined }), stage.open({ userId: 'bob' }, { storage, locks: undefined })];
    await stage.run(1_000);
    expect(leaders(...lockless)).toBe(2);
  });

  test('locks that refuse (an opaque origin): the lease', async () => {
    const stage = new Stage();
    const locks = { request: () => Promise.reject(new Error('SecurityError')) };
    const pages = [stage.open({}, { locks }), stage.open({}, { locks })];
    await stage.run(8_000);
    expect([stage.server.streams.size, leaders(...pages)]).toEqual([1, 1]);
  });
});

test('two browsers with one id, as a copied profile has, do not take the place from each other for ever', async () => {
  const stage = new Stage();
  const first = stage.open();
  await stage.run(1_500);
  const storage = first.environment.storage;
  const second = stage.open({}, { storage: { ...storage!, getItem: (name) => storage!.getItem(name) } }, stage.other());
  await stage.run(30_000);
  expect(stage.server.streams.size).toBe(2);
  const seen = [first.statuses.length, second.statuses.length];
  await stage.run(60_000);
  expect([first.statuses.length, second.statuses.length]).toEqual(seen);
});

describe('handles', () => {
  test('one instance for all handles of a page; what unmounts and mounts again makes no connection', async () => {
    const stage = new Stage();
    const page = stage.open();
    await stage.run(1_000);
    const stream = [...stage.server.streams][0];
    for (let nth = 0; nth < 5; nth += 1) {
      const again = stage.join(page.environment);
      await stage.run(300);
      again.client.close();
      await stage.run(300);
    }
    page.client.close();
    const newcomer = stage.join(page.environment);
    await stage.run(5_000);
    expect([...stage.server.streams]).toEqual([stream]);
    await stage.publish();
    expect([page.heard, newcomer.heard]).toEqual([[], ['a1']]);
    expect(page.client.status).toMatchObject({ state: 'closed', reason: 'closed' });
    newcomer.client.close();
    await stage.run(1_100);
    expect(stage.server.streams.size).toBe(0);
  });

  test('closing twice is closing once; using dispose is closing', async () => {
    const stage = new Stage();
    const page = stage.open();
    const other = stage.join(page.environment);
    await stage.run(1_000);
    page.client.close();
    page.client.close();
    page.client[Symbol.dispose]();
    await stage.run(3_000);
    expect(other.client.status.state).toBe('live');
    other.client[Symbol.dispose]();
    await stage.run(1_100);
    expect(stage.server.streams.size).toBe(0);
  });

  test('the newest getToken is asked; it travels in a header, or in the URL where its name is given', async () => {
    const stage = new Stage();
    const asked: string[] = [];
    const page = stage.open({ tokenParam: 'access_token', getToken: () => (asked.push('old'), 'one') });
    const urls: string[] = [];
    const { EventSource } = page.environment;
    page.environment.EventSource = class extends EventSource! {
      constructor(url: string) {
        super(url, { withCredentials: false });
        urls.push(url);
      }
    };
    await stage.run(500);
    stage.join(page.environment, { tokenParam: 'access_token', getToken: ({ expired }) => (asked.push(`new ${expired}`), Promise.resolve('two')) });
    page.client.reconnect();
    await stage.run(500);
    expect(asked).toEqual(['old', 'new false']);
    expect(page.client.status.state).toBe('live');
  });

  test('a listener that throws is reported, and stops no other', async () => {
    const stage = new Stage();
    const reported: unknown[] = [];
    const page = stage.open({}, { report: (thrown) => reported.push(thrown) });
    const later: string[] = [];
    page.client.subscribe(() => {
      throw new Error('mine');
    });
    page.client.subscribe((event) => later.push(event.type));
    await stage.run(500);
    await stage.publish();
    expect(later).toEqual(['update']);
    expect(String(reported[0])).toBe('Error: mine');
  });

  test('a failure is said once, whoever listens: who shows it to nobody listens, too', async () => {
    const stage = new Stage();
    const warned: string[] = [];
    const { tab, environment } = stage.browser.open();
    environment.warn = (text) => warned.push(text);
    stage.server.mode = 'limit';
    const { createSyncClient } = await import('../../lib/client/index.js');
    createSyncClient({ url: '/sync', companyId: 'acme', userId: 'ann', environment });
    await stage.run(20_000);
    expect(tab.runs).toBe(true);
    expect(warned).toEqual(['pathcast: http://app.test/sync is connecting (limit)']);
    const listened: string[] = [];
    stage.open({ userId: 'bob' }, { warn: (text) => listened.push(text) });
    await stage.run(5_000);
    expect(listened).toEqual(['pathcast: http://app.test/sync is connecting (limit)']);
    // A place that becomes free is found.
    stage.server.mode = 'up';
    await stage.run(10_000);
    expect(stage.server.streams.size).toBe(2);
  });
});

test('a follower whose leader is silent says so, and is live again when it speaks', async () => {
  const stage = new Stage();
  const pages = [stage.open(), stage.open()];
  await stage.run(1_000);
  const leader = pages.find(({ client }) => client.status.leader)!;
  const follower = pages.find((page) => page !== leader)!;
  leader.tab.freeze();
  for (let nth = 0; nth < 80 && follower.client.status.state === 'live'; nth += 1) await stage.run(100);
  expect(follower.client.status).toMatchObject({ state: 'connecting', reason: 'electing', leader: false });
  leader.tab.thaw();
  await stage.run(100);
  expect(follower.client.status).toMatchObject({ state: 'live', leader: false });
});

test('of two that lead the one with the higher generation does, and the other follows', async () => {
  const stage = new Stage({ locks: false });
  // Storages of their own, as two processes have for a moment: both write, and both find their own name.
  const apart = () => {
    const kept = new Map<string, string>();
    return { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, value: string) => void kept.set(name, value), removeItem: (name: string) => void kept.delete(name) };
  };
  // Neither hears that the other leads before it does.
  stage.browser.lossy = true;
  const [one, two] = [stage.open({}, { storage: apart() }), stage.open({}, { storage: apart() })];
  await stage.run(700);
  stage.browser.lossy = false;
  await stage.run(3_000);
  expect([one, two].map(({ statuses }) => statuses.some(({ leader }) => leader))).toEqual([true, true]);
  expect(leaders(one, two)).toBe(1);
  expect(states(one, two)).toEqual(['live open', 'live open']);
});

describe('a Web Lock', () => {
  interface Asked {
    options: { signal?: AbortSignal; steal?: boolean };
    held: () => Promise<void>;
    reject: (error: Error) => void;
  }
  const make = () => {
    const asked: Asked[] = [];
    const said: string[] = [];
    const election = webLocks(
      { request: (_name, options, held) => new Promise((_resolve, reject) => asked.push({ options, held, reject })) },
      'name',
      { elected: () => said.push('elected'), deposed: () => said.push('deposed'), broken: () => said.push('broken') },
    );
    return { asked, said, election };
  };

  test('has what it may have beside it: a signal where it waits, nothing beside steal', () => {
    const { asked, election } = make();
    election.join();
    election.take();
    expect(asked.map(({ options }) => Object.keys(options))).toEqual([['signal'], ['steal']]);
    // Who takes it waits no longer.
    expect(asked[0]?.options.signal?.aborted).toBe(true);
  });

  test('a lock that is granted late, when nobody wants it any more, is given back at once', async () => {
    const { asked, said, election } = make();
    election.join();
    election.leave();
    await asked[0]?.held();
    expect(said).toEqual([]);
  });

  test('a rejection of what is held is a demotion, of what waits a lack; after leaving it is neither', async () => {
    const { asked, said, election } = make();
    election.join();
    void asked[0]?.held();
    asked[0]?.reject(new Error('AbortError'));
    await Promise.resolve();
    await Promise.resolve();
    election.join();
    asked[1]?.reject(new Error('SecurityError'));
    await Promise.resolve();
    await Promise.resolve();
    election.join();
    void asked[2]?.held();
    election.leave();
    asked[2]?.reject(new Error('AbortError'));
    await Promise.resolve();
    await Promise.resolve();
    expect(said).toEqual(['elected', 'deposed', 'broken', 'elected']);
  });
});

test('an attempt that was given up is not heard any more', async () => {
  const stage = new Stage();
  const sources: { say: (name: string, event: object) => void }[] = [];
  class Source {
    readyState = 0;
    readonly listeners = new Map<string, (event: object) => void>();
    constructor() {
      sources.push({ say: (name, event) => this.listeners.get(name)?.(event) });
    }
    addEventListener(name: string, listener: (event: object) => void): void {
      this.listeners.set(name, listener);
    }
    close(): void {
      this.readyState = 2;
    }
  }
  const page = stage.open({ shared: false }, { EventSource: Source });
  page.client.reconnect();
  expect(sources).toHaveLength(2);
  const action = { id: 'x', type: 'update', module: 'guests', queryPaths: ['guests'], seq: 1, timestamp: 1 };
  sources[0]?.say('message', { data: JSON.stringify(action), lastEventId: 'e1.1' });
  expect(page.heard).toEqual([]);
  sources[1]?.say('message', { data: JSON.stringify({ type: 'hello', queryPaths: [], recovered: false, reason: 'fresh', heartbeatMs: 1_000, serverTime: 1 }), lastEventId: 'e1.0' });
  sources[1]?.say('message', { data: JSON.stringify(action), lastEventId: 'e1.1' });
  expect(page.heard).toEqual(['x']);
});
