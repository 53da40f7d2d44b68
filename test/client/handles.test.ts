/**
 * Handles that come later: with a position of their own, with what lets them in, with another form of the address. What broke: all options were
 * the first handle's, so a page that a server rendered anew, or a listener that came late, lost what came between; and a session that became
 * known in a second render was never sent.
 */
import { createSyncClient, type ClientEvent, type Environment } from '../../lib/client/index.js';
import { nodeBrowser } from './support/node-browser.js';
import { Stage, type Page } from './support/stage.js';

const idOf = (event: ClientEvent): string => ('id' in event ? event.id : event.type);
/** How its streams are asked for from here on. */
const requestsOf = (page: Page): string[] => {
  const opened: string[] = [];
  const { EventSource, fetch } = page.environment;
  page.environment.EventSource = class extends EventSource! {
    constructor(url: string, options: { withCredentials: boolean }) {
      opened.push(`source ${options.withCredentials}`);
      super(url, options);
    }
  };
  page.environment.fetch = (url, init) => {
    if (init.method === undefined) opened.push(`fetch ${init.credentials} ${JSON.stringify(init.headers)}`);
    return fetch!(url, init);
  };
  return opened;
};

/** A browser whose streams say what a test says, by `fetch`, as many messages at once as it likes. */
function byFetch(): { environment: Environment; stream: () => Promise<FetchStream> } {
  const opened: FetchStream[] = [];
  const asked: ((stream: FetchStream) => void)[] = [];
  const encoder = new TextEncoder();
  const environment = nodeBrowser({
    base: 'http://app.test/',
    random: () => 0,
    EventSource: undefined,
    fetch: (url, { method }) => {
      if (method) return Promise.resolve(new Response());
      const chunks: Uint8Array[] = [];
      let done = false;
      let wake = (): void => undefined;
      const read = async (): Promise<{ done: boolean; value?: Uint8Array }> => {
        while (!chunks[0] && !done) await new Promise<void>((resolve) => (wake = resolve));
        const value = chunks.shift();
        return value ? { done: false, value } : { done: true };
      };
      const stream: FetchStream = {
        send(...messages) {
          chunks.push(encoder.encode(messages.join('')));
          wake();
        },
        end() {
          done = true;
          wake();
        },
      };
      opened.push(stream);
      asked.shift()?.(opened.shift() as FetchStream);
      return Promise.resolve({ status: 200, url, redirected: false, headers: new Headers({ 'content-type': 'text/event-stream' }), body: { getReader: () => ({ read }) } });
    },
  });
  const stream = async (): Promise<FetchStream> => opened.shift() ?? (await new Promise((resolve) => asked.push(resolve)));
  return { environment, stream };
}

interface FetchStream {
  send(...messages: string[]): void;
  end(): void;
}

const message = (id: string, event: object): string => `id: ${id}\ndata: ${JSON.stringify({ timestamp: 1, queryPaths: ['guests'], ...event })}\n\n`;
const hello = (id: string, cursor: string): string => message(id, { type: 'hello', recovered: true, reason: 'resumed', cursor, heartbeatMs: 0 });
const action = (seq: number): string => message(`e1.${seq}`, { id: `a${seq}`, type: 'update', module: 'guests', seq });
/** What was asked for runs, real timers of 0 ms too. */
const turns = async (): Promise<void> => {
  for (let nth = 0; nth < 5; nth += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe('a position of its own', () => {
  test('a handle that joins hears what came after it, those that listen in the same moment alike, and then what comes', async () => {
    const stage = new Stage();
    const first = stage.open();
    await stage.run(1_000);
    await stage.publish(3);
    const { client, heard } = stage.join(first.environment, { since: 'e1.1' });
    const other: string[] = [];
    client.subscribe((event) => other.push(idOf(event)));
    // Who asks knows how to end it before it hears anything.
    expect(heard).toEqual([]);
    await stage.run(0);
    const late: string[] = [];
    client.subscribe((event) => late.push(idOf(event)));
    await stage.publish();
    expect([first.heard, heard, other, late]).toEqual([['a1', 'a2', 'a3', 'a4'], ['a2', 'a3', 'a4'], ['a2', 'a3', 'a4'], ['a4']]);
    expect(stage.server.asked).toBe(1);
  });

  test('the first listener may come later than what it has to hear', async () => {
    const stage = new Stage();
    const { environment } = stage.browser.open();
    const client = createSyncClient({ url: '/sync', companyId: 'acme', userId: 'ann', environment, since: stage.server.head });
    await stage.run(1_000);
    await stage.publish(2);
    const heard: string[] = [];
    client.subscribe((event) => heard.push(idOf(event)));
    await stage.publish();
    expect(heard).toEqual(['a1', 'a2', 'a3']);
  });

  test('a listener may have a position of its own, and a filter', async () => {
    const stage = new Stage();
    const { client } = stage.open();
    await stage.run(1_000);
    await stage.publish(2);
    const heard: string[] = [];
    const none: string[] = [];
    client.subscribe((event) => heard.push(idOf(event)), { since: 'e1.1' });
    client.subscribe((event) => none.push(idOf(event)), { since: 'e1.1', modules: ['hotels'] });
    const end = client.subscribe((event) => none.push(idOf(event)), { since: 'e1.1' });
    end();
    await stage.publish();
    expect([heard, none]).toEqual([['a2', 'a3'], []]);
  });

  test('what nobody remembers is one resync, for the one that asks', async () => {
    const stage = new Stage();
    const first = stage.open();
    await stage.run(1_000);
    const { heard } = stage.join(first.environment, { since: 'e0.5' });
    await stage.publish();
    expect([first.heard, heard]).toEqual([['a1'], ['resync', 'a1']]);
  });

  test('a handle that joins before there is a verdict is told when there is one', async () => {
    const stage = new Stage();
    stage.server.mode = 'bad_gateway';
    const first = stage.open({ since: stage.server.head });
    const early = stage.join(first.environment, { since: 'e0.9' });
    const same = stage.join(first.environment, { since: stage.server.head });
    await stage.run(2_000);
    expect(early.heard).toEqual([]);
    await stage.publish();
    stage.server.mode = 'up';
    await stage.run(12_000);
    expect([first.heard, early.heard, same.heard]).toEqual([['a1'], ['resync', 'a1'], ['a1']]);
  });

  test('what it has missed comes before what comes in the same go, and what its data contains does not come', async () => {
    const { environment, stream } = byFetch();
    const options = { url: 'http://app.test/sync', companyId: 'acme', userId: 'ann', environment, headers: { 'x-app': '1' } };
    const [first, heard, late, own]: [string[], string[], string[], string[]] = [[], [], [], []];
    const client = createSyncClient({ ...options, since: 'e1.1' });
    client.subscribe((event) => first.push(idOf(event)));
    const early = createSyncClient({ ...options, since: 'e1.2' });
    early.subscribe((event) => heard.push(idOf(event)));
    const other = createSyncClient({ ...options, since: 'e1.3' });
    client.onStatus(({ state }) => {
      if (state !== 'live') return;
      other.subscribe((event) => late.push(idOf(event)));
      client.subscribe((event) => own.push(idOf(event)), { since: 'e1.2' });
    });
    const connection = await stream();
    // One chunk: all of it is read before anything else runs.
    connection.send(hello('e1.1', 'e1.6'), action(2), action(3), action(4), action(5), action(6));
    await turns();
    expect([first, heard, late, own]).toEqual([
      ['a2', 'a3', 'a4', 'a5', 'a6'],
      ['a3', 'a4', 'a5', 'a6'],
      ['a4', 'a5', 'a6'],
      ['a3', 'a4', 'a5', 'a6'],
    ]);
    // What comes again in another stream is behind what was missed there.
    first.length = late.length = 0;
    connection.end();
    await turns();
    const third = createSyncClient({ ...options, since: 'e1.1' });
    client.onStatus(({ state }) => void (state === 'live' && third.subscribe((event) => late.push(idOf(event)))));
    const again = await stream();
    again.send(hello('e1.6', 'e1.8'), action(7), action(8));
    await turns();
    expect(first).toEqual(['a7', 'a8']);
    expect(late.slice(-7)).toEqual(['a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8']);
    client.close({ forget: true });
  });

  test('what has no place in the log is heard by all, whatever id it repeats; what comes later and is older than a since, by none that has it', async () => {
    const { environment, stream } = byFetch();
    const heard: string[] = [];
    const client = createSyncClient({ url: 'http://app.test/sync', companyId: 'acme', userId: 'ann', environment, headers: { 'x-app': '1' }, since: 'e1.2' });
    client.subscribe((event) => heard.push(idOf(event)));
    const newer: string[] = [];
    createSyncClient({ url: 'http://app.test/sync', companyId: 'acme', userId: 'ann', environment, since: 'e1.3' }).subscribe((event) => newer.push(idOf(event)));
    const connection = await stream();
    connection.send(hello('e1.2', 'e1.4'));
    await turns();
    connection.send(message('e1.2', { type: 'invalidate', modules: [] }), message('e1.2', { type: 'ephemeral', topic: 'typing' }), action(2), action(3), action(4));
    await turns();
    expect([heard, newer]).toEqual([
      ['invalidate', 'ephemeral', 'a3', 'a4'],
      ['invalidate', 'ephemeral', 'a4'],
    ]);
    client.close({ forget: true });
  });

  test("a listener's own position leaves the handle's to the first that needs it", async () => {
    const stage = new Stage();
    const { environment } = stage.open();
    await stage.run(1_000);
    await stage.publish(4);
    const client = createSyncClient({ url: '/sync', companyId: 'acme', userId: 'ann', environment, since: 'e1.1' });
    const [own, first, later]: [string[], string[], string[]] = [[], [], []];
    client.subscribe((event) => own.push(idOf(event)), { since: 'e1.3' });
    await stage.run(10);
    client.subscribe((event) => first.push(idOf(event)));
    await stage.run(10);
    client.subscribe((event) => later.push(idOf(event)));
    await stage.publish();
    expect([own, first, later]).toEqual([['a4', 'a5'], ['a2', 'a3', 'a4', 'a5'], ['a5']]);
  });

  test('a handle that joins while a new leader goes back for a follower loses nothing', async () => {
    const stage = new Stage();
    for (let nth = 0; nth < 4; nth += 1) stage.server.publish();
    const leader = stage.open();
    await stage.run(300);
    await stage.publish(4);
    const older = stage.open({ since: 'e1.2' });
    const isLive = (): boolean => leader.client.status.state === 'live';
    while (isLive()) await stage.run(5);
    expect(leader.client.status.cursor).toBe('e1.8');
    const joined = stage.join(leader.environment, { since: 'e1.6' });
    const heard: string[][] = [];
    // At each place of the way back.
    while (!isLive()) {
      heard.push(stage.join(leader.environment, { since: 'e1.7' }).heard);
      await stage.run(5);
    }
    heard.push(stage.join(leader.environment, { since: 'e1.7' }).heard);
    await stage.run(5_000);
    await stage.publish();
    expect([leader.heard, joined.heard]).toEqual([
      ['a5', 'a6', 'a7', 'a8', 'a9'],
      ['a7', 'a8', 'a9'],
    ]);
    expect(older.heard).toEqual(['a3', 'a4', 'a5', 'a6', 'a7', 'a8', 'a9']);
    expect(new Set(heard.map(String))).toEqual(new Set(['a8,a9']));
  });

  test.each([true, false])('by time: a follower that begins at a time is told nothing twice, and no resync; locks: %p', async (locks) => {
    const stage = new Stage({ locks });
    const first = stage.open();
    await stage.run(3_000);
    await stage.publish(2);
    const { clock } = stage;
    const second = stage.open({ since: clock.now - 50 });
    await stage.run(3_000);
    const later: string[] = [];
    second.client.subscribe((event) => later.push(idOf(event)));
    await stage.publish();
    expect(second.heard.filter((id) => id === 'resync' || id === 'a3')).toEqual(['a3']);
    expect([first.heard.length, later]).toEqual([3, ['a3']]);
  });
});

describe('what lets it in', () => {
  const live = ({ client }: Pick<Page, 'client'>): string => `${client.status.state} ${client.status.reason}`;

  test('of each option the newest handle that gives it counts, from the next attempt on', async () => {
    const stage = new Stage();
    const first = stage.open();
    await stage.run(1_000);
    const opened = requestsOf(first);
    first.client.reconnect();
    await stage.run(1_500);
    const second = stage.join(first.environment, { getToken: () => 'two', credentials: 'include', headers: { 'x-app': '2' } });
    const third = stage.join(first.environment, { headers: { 'x-app': '3' } });
    third.client.reconnect();
    await stage.run(1_500);
    third.client.close();
    second.client.close();
    first.client.close();
    // Within the second in which the stream waits for whoever comes.
    const last = stage.join(first.environment);
    last.client.reconnect();
    await stage.run(1_500);
    expect(opened.filter((one) => one.startsWith('source'))).toEqual(['source false', 'source false']);
    expect(opened.filter((one) => one.startsWith('fetch'))[0]).toBe('fetch include {"x-app":"3","authorization":"Bearer two","accept":"text/event-stream"}');
  });

  test('what a handle gave that is closed is not asked while another is there', async () => {
    const stage = new Stage();
    const first = stage.open();
    await stage.run(1_000);
    let asked = 0;
    const second = stage.join(first.environment, {
      getToken: () => {
        asked += 1;
        return 'two';
      },
    });
    first.client.reconnect();
    await stage.run(1_500);
    expect(asked).toBeGreaterThan(0);
    second.client.close();
    asked = 0;
    first.client.reconnect();
    await stage.run(1_500);
    expect([asked, live(first)]).toEqual([0, 'live open']);
  });

  test('where the stream was refused, or had no token, whoever comes tries at once', async () => {
    const stage = new Stage();
    const first = stage.open();
    await stage.run(1_000);
    stage.server.refuse('revoked');
    await stage.run(20_000);
    expect(live(first)).toBe('refused revoked');
    const second = stage.join(first.environment);
    await stage.run(1_000);
    expect([live(first), live(second)]).toEqual(['live open', 'live open']);
    expect(stage.server.asked).toBe(2);
  });

  test('shared: false is a stream of its own, in the same page too', async () => {
    const stage = new Stage();
    const first = stage.open();
    const own = stage.join(first.environment, { shared: false });
    await stage.run(1_000);
    expect([live(first), live(own), stage.server.streams.size]).toEqual(['live open', 'live open', 2]);
  });
});

test('one address in several forms is one stream', async () => {
  const stage = new Stage();
  const first = stage.open({ url: '/sync?a=1&b=2' });
  for (const url of ['sync?b=2&a=1', '/sync?a=1&b=2#part', 'http://app.test/sync?a=1&b=2']) stage.join(first.environment, { url });
  const plain = stage.open({ url: '/sync' });
  stage.join(plain.environment, { url: '/sync?' });
  await stage.run(1_000);
  expect(stage.server.streams.size).toBe(2);
});

test('reconnect() at each failure, as fast as it is told, is an attempt a second', async () => {
  const stage = new Stage();
  stage.server.mode = 'limit';
  const { client, statuses } = stage.open();
  client.onStatus(({ state }) => {
    if (state !== 'live') client.reconnect();
  });
  await stage.run(20_000);
  expect(stage.server.asked).toBeGreaterThan(10);
  expect(stage.server.asked).toBeLessThan(30);
  expect(statuses.length).toBeLessThan(90);
});

test('a browser whose tabs are looked at again and again behind a proxy without its server makes an attempt a second more, and no more', async () => {
  const attempts = async (looks: boolean): Promise<number> => {
    const stage = new Stage();
    stage.server.mode = 'bad_gateway';
    const [leader] = [stage.open(), await stage.run(500)];
    const asked = requestsOf(leader);
    const followers = [stage.open(), stage.open()];
    for (let nth = 0; nth < 200; nth += 1) {
      if (looks) for (const { tab } of [leader, ...followers]) tab.says('wake');
      await stage.run(100);
    }
    expect(leader.client.status.leader).toBe(true);
    return asked.filter((one) => one.startsWith('source')).length;
  };
  const undisturbed = await attempts(false);
  const looked = await attempts(true);
  expect(looked).toBeGreaterThan(15);
  expect(looked).toBeLessThan(20 + undisturbed);
});

test('what a watcher does makes an old status none: the others hear the last one alone, and whoever was ended nothing', async () => {
  const stage = new Stage();
  const { environment } = stage.browser.open();
  const first = createSyncClient({ url: '/sync', companyId: 'acme', userId: 'ann', environment });
  const heard: string[] = [];
  first.onStatus(({ state }) => {
    if (state === 'live') first.close({ forget: true });
  });
  const second = stage.join(environment);
  second.client.onStatus(({ state, reason }) => heard.push(`${state} ${reason}`));
  const ended: string[] = [];
  const ends: (() => void)[] = [];
  second.client.onStatus(() => ends[0]?.());
  ends.push(second.client.onStatus(({ state }) => ended.push(state)));
  await stage.run(5_000);
  expect(heard.at(-1)).toBe('closed forgotten');
  expect(heard).not.toContain('live open');
  expect(ended).toEqual([]);
});

test('a sign-out by a handle that was closed before ends what this page has begun since', async () => {
  const stage = new Stage();
  const first = stage.open();
  await stage.run(1_000);
  first.client.close();
  await stage.run(3_000);
  const again = stage.join(first.environment);
  await stage.run(1_000);
  first.client.close({ forget: true });
  await stage.run(100);
  expect(`${again.client.status.state} ${again.client.status.reason}`).toBe('closed forgotten');
  expect(stage.server.streams.size).toBe(0);
});

test('of two tabs that begin at a time, one a moment after the other, none is told to read everything again', async () => {
  const stage = new Stage();
  const [one, two] = [stage.open({ since: stage.clock.now }), stage.open({ since: stage.clock.now + 100 })];
  await stage.run(3_000);
  await stage.publish();
  expect([one.heard, two.heard]).toEqual([['a1'], ['a1']]);
});
