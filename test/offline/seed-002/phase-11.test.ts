/** Phase 11 of the plan, several tabs: one leads, and has the stream; the others hear of it what comes, and take over. A real hub, over real sockets. */
import { isDeepStrictEqual } from 'node:util';
import { waitFor } from '../../support/wait.js';
import { LIST, PAGE, useApp, type App, type Page, type Row } from './support/app.js';

const given = useApp();

const leaders = (pages: readonly Page[]): Page[] => pages.filter(({ sync }) => sync.status.leader);

async function open(app: App, count: number): Promise<{ pages: Page[]; leader: Page; followers: Page[] }> {
  const pages: Page[] = [];
  for (let nth = 0; nth < count; nth += 1) pages.push(await app.open());
  const [leader] = leaders(pages);
  return { pages, leader: leader!, followers: pages.filter((page) => page !== leader) };
}

/** The names of all locks and channels that are asked for from here on. */
function names(app: App): { locks: Set<string>; channels: Set<string> } {
  const asked = { locks: new Set<string>(), channels: new Set<string>() };
  const opens = app.browser.open.bind(app.browser);
  app.browser.open = () => {
    const made = opens();
    const { locks, channel } = made.environment;
    made.environment.locks = { request: (name, options, held) => (asked.locks.add(name), locks!.request(name, options, held)) };
    made.environment.channel = (name) => (asked.channels.add(name), channel!(name));
    return made;
  };
  return asked;
}

describe('the lead', () => {
  test('TAB-001: one tab has the lock at a time, of the stream and of the outbox', async () => {
    const { pages } = await open(given.app, 4);
    const senders = (): Page[] => pages.filter(({ offline }) => offline.status.leader);
    await waitFor(() => senders().length > 0, 'one to send');
    expect([leaders(pages).length, senders().length]).toEqual([1, 1]);
    leaders(pages)[0]!.kill();
    const left = pages.filter(({ tab }) => !tab.gone);
    await waitFor(() => leaders(left).length > 0 && left.some(({ offline }) => offline.status.leader), 'the next one');
    expect([leaders(left).length, left.filter(({ offline }) => offline.status.leader).length]).toEqual([1, 1]);
  });

  // The app's slug is not enough: two companies, or two people, in one browser have two streams.
  test('TAB-002: it is a Web Lock, named by app, company and user', async () => {
    const { app } = given;
    const { locks } = names(app);
    const { pages } = await open(app, 2);
    expect(locks.size).toBe(2);
    const stream = expect.stringContaining(encodeURIComponent(`${app.url}/sync`)) as string;
    expect([...locks]).toEqual(expect.arrayContaining([stream, 'pathcast offline 1 pathcast acme ann']));
    for (const lock of locks) expect(lock).toMatch(/acme ann/);
    const other = await app.open({ userId: 'bob' });
    expect([locks.size, leaders(pages).length, other.sync.status.leader]).toEqual([4, 1, true]);
  });

  test('TAB-003: the tab that leads opens the stream', async () => {
    const { app } = given;
    const { leader } = await open(app, 3);
    expect(app.streams.map(({ tab }) => tab)).toEqual([leader.tab.name]);
    expect(leader.tab.sources.size).toBe(1);
  });

  test('TAB-004: the others open none, and are live all the same', async () => {
    const { app } = given;
    const { followers } = await open(app, 3);
    expect(followers.map(({ tab, sync }) => [tab.sources.size, sync.status.state])).toEqual([[0, 'live'], [0, 'live']]);
    expect(app.streams).toHaveLength(1);
  });
});

describe('between tabs', () => {
  test('TAB-010: what comes by the stream goes to the others by BroadcastChannel, each action once', async () => {
    const { app } = given;
    const { channels } = names(app);
    const { followers } = await open(app, 3);
    const stream = [...channels].find((name) => !name.startsWith('pathcast offline'))!;
    // A bystander on the same channel.
    const said: unknown[] = [];
    const bystander = app.browser.open().environment.channel!(stream);
    bystander.onmessage = ({ data }) => said.push(data);
    const heard = followers.map(({ sync }) => {
      const ids: string[] = [];
      sync.subscribe((event) => void ('id' in event && ids.push(event.id)));
      return ids;
    });
    const version = await app.bilal('title', 'theirs');
    await waitFor(() => heard.every((ids) => ids.length > 0), 'the followers to hear it');
    expect(heard).toEqual([[`tx:${version}`], [`tx:${version}`]]);
    expect(said.filter((one) => JSON.stringify(one).includes(`tx:${version}`))).toHaveLength(1);
  });

  test("TAB-011: the channel is named by app, company and user: nobody hears what is another one's", async () => {
    const { app } = given;
    const { channels } = names(app);
    const page = await app.open();
    const own = [...channels];
    expect(own).toHaveLength(2);
    for (const name of own) expect(name).toMatch(/acme ann/);
    await app.open({ companyId: 'bcme' });
    const others = [...channels].filter((name) => !own.includes(name));
    expect(others).toHaveLength(2);
    for (const name of others) expect(name).toMatch(/bcme ann/);
    expect(page.sync.status.leader).toBe(true);
  });

  test('TAB-012: the others put it into their caches', async () => {
    const { app } = given;
    const { followers } = await open(app, 3);
    for (const page of followers) await page.shows(PAGE);
    app.queried.splice(0);
    await app.bilal('title', 'theirs');
    await waitFor(() => followers.every((page) => page.title() === 'theirs'), "Bilal's title in all of them");
    expect(app.queried).toEqual([]);
  });

  test('TAB-013: all tabs show the same, what one of them did offline too', async () => {
    const { app } = given;
    const { pages, leader, followers } = await open(app, 3);
    for (const page of pages) for (const query of [PAGE, LIST]) await page.shows(query);
    await followers[0]!.mutate('pages.update', { id: 'p1', title: 'mine' });
    await app.bilal('body', 'their text');
    await app.bilalMakes('p2', { title: 'two' });
    const shown = (page: Page): unknown => JSON.parse(JSON.stringify([page.data(PAGE), page.data(LIST)]));
    const same = (): boolean => pages.every((page) => isDeepStrictEqual(shown(page), shown(leader)));
    await waitFor(() => same() && leader.data<Row[]>(LIST)!.length === 2 && leader.data(PAGE)!['body'] === 'their text', 'all to show the same');
    expect(leader.title()).toBe('mine');
    await app.away();
    await followers[1]!.offline.add('pages.update', { id: 'p1', title: 'in the tunnel' });
    await waitFor(() => pages.every((page) => page.title() === 'in the tunnel' && page.data<Row[]>(LIST)![0]!['title'] === 'in the tunnel'), 'all to show it');
    expect(same()).toBe(true);
  });
});

describe('the hand-over', () => {
  test('TAB-020: when the tab that leads is closed another one leads, and sends what was left', async () => {
    const { app } = given;
    const { leader, followers } = await open(app, 3);
    await app.away();
    const { id } = await leader.offline.add('pages.update', { id: 'p1', title: 'mine' });
    await waitFor(() => followers.every(({ waiting }) => waiting.length === 1), 'the others to know of it');
    leader.kill();
    app.back();
    await waitFor(() => leaders(followers).length === 1 && followers.filter(({ offline }) => offline.status.leader).length === 1, 'one of the others to lead');
    await app.sent(followers[0]!);
    expect(app.requests.map(({ tx }) => tx.transactionId)).toEqual([id]);
  });

  test('TAB-021: its stream begins where the last one was, and nothing between is lost or heard twice', async () => {
    const { app } = given;
    const { leader, followers } = await open(app, 3);
    const heard: string[][] = followers.map(({ sync }) => {
      const ids: string[] = [];
      sync.subscribe((event) => void ('id' in event && ids.push(event.id)));
      return ids;
    });
    const first = await app.bilal('title', 'one');
    const cursor = app.position;
    await waitFor(() => followers.every(({ sync }) => sync.status.cursor === cursor), 'all to have heard it');
    leader.kill();
    const second = await app.bilal('title', 'between');
    await waitFor(() => app.streams.length === 2, 'the next stream');
    expect(app.streams[1]!.url.searchParams.get('lastEventId')).toBe(cursor);
    const third = await app.bilal('title', 'after');
    await waitFor(() => heard.every((ids) => ids.length >= 3), 'all of it');
    for (const ids of heard) expect(ids).toEqual([first, second, third].map((version) => `tx:${version}`));
  });

  // Which tab is looked at does not matter to a stream, and each switch of tabs would cost one. A tab that a browser puts to sleep may not lead.
  test('TAB-022: a tab that is put away hands over at once to one that is there, and follows when it is back', async () => {
    const { app } = given;
    const { leader, followers } = await open(app, 2);
    const [other] = followers as [Page];
    await other.shows(PAGE);
    leader.tab.says('hide');
    leader.tab.freeze();
    await waitFor(() => other.sync.status.leader && other.sync.status.state === 'live' && other.offline.status.leader, 'the other one to lead');
    await app.bilal('title', 'theirs');
    await waitFor(() => other.title() === 'theirs', "Bilal's title");
    leader.tab.thaw();
    leader.tab.says('show');
    await waitFor(() => leader.sync.status.state === 'live', 'it to be back');
    expect([leader.sync.status.leader, other.sync.status.leader]).toEqual([false, true]);
  });
});
