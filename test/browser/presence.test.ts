/**
 * What the hooks make of a client, in React 19 in a real browser, with clients whose every word this test says. What broke: `usePresence` showed the
 * people of one company after a switch to another; a `load` that throws took the app down; an `onEvent` that throws left data stale.
 */
import { Chromium } from '../support/chromium/chromium.js';
import type { Tab } from '../support/chromium/tab.js';
import { bundle } from './support/bundle.js';
import { Site } from './support/site.js';

jest.setTimeout(60_000);

const PAGE = `
  import { useState } from 'react';
  import { createRoot } from 'react-dom/client';
  import { RealtimeProvider, usePresence, useRealtimeSync } from './lib/react/index.js';

  function make() {
    const listeners = new Set();
    return {
      status: { state: 'live', reason: 'open', leader: true, since: 0, cursor: 'e.1' },
      sourceId: 's',
      subscribe(listener) { const hear = (event) => listener(event); listeners.add(hear); return () => listeners.delete(hear); },
      onStatus: () => () => undefined,
      reconnect() {},
      close() {},
      say(event) { for (const hear of [...listeners]) try { hear(event); } catch (error) { globalThis.thrown = error.message; } },
    };
  }
  const [a, b] = [make(), make()];
  const came = (userId) => ({ type: 'ephemeral', timestamp: 1, queryPaths: [], topic: 'presence', data: { event: 'join', userId, topics: [], data: null, since: 1 } });
  Object.assign(globalThis, { a, b, came, stale: [], answers: [] });

  function Present({ load }) {
    const { users, error } = usePresence({ load });
    useRealtimeSync({ onEvent: () => { throw new Error('mine'); }, onInvalidate: (paths) => stale.push(...paths) });
    return <p id="present" data-error={error ? error.message : ''}>{users.map(({ userId }) => userId).join(' ')}</p>;
  }
  function App() {
    const [{ client, load }, set] = useState({ client: a, load: undefined });
    globalThis.change = (part) => set((before) => ({ ...before, ...part }));
    return <RealtimeProvider client={client}><Present load={load} /></RealtimeProvider>;
  }
  // Answers when the test says so.
  globalThis.later = () => new Promise((resolve) => answers.push((...names) => resolve(names.map((userId) => came(userId).data))));
  createRoot(document.getElementById('root')).render(<App />);
`;

let chromium: Chromium;
let site: Site;
let tab: Tab;
beforeAll(async () => {
  chromium = await Chromium.launch();
  site = await Site.start({ scripts: { '/client.js': await bundle(PAGE) } });
});
afterAll(async () => {
  await chromium?.close();
  await site?.close();
});
beforeEach(async () => {
  tab = await chromium.open(`${site.url}/`);
  await tab.until("globalThis.change && document.getElementById('present') !== null");
});
afterEach(() => tab.close());

const shows = (text: string): Promise<unknown> => tab.until(`document.getElementById('present').textContent === ${JSON.stringify(text)}`);
const failed = (text: string): Promise<unknown> => tab.until(`document.getElementById('present').dataset.error === ${JSON.stringify(text)}`);

test('of another company nobody is shown, with a load and without one', async () => {
  await tab.evaluate("a.say(came('ann'))");
  await shows('ann');
  await tab.evaluate('change({ client: b })');
  await shows('');
  await tab.evaluate("b.say(came('bea'))");
  await shows('bea');
  await tab.evaluate('change({ load: later })');
  await tab.until('answers.length === 1');
  await tab.evaluate("answers[0]('bea', 'bob')");
  await shows('bea bob');
  await tab.evaluate('change({ client: a })');
  await shows('');
  // Live before and after: it is asked for the other one all the same.
  await tab.until('answers.length === 2');
  await tab.evaluate("answers[1]('ann')");
  await shows('ann');
});

test('a load that throws at once, or gives no list, is an error that is told, and takes nothing down', async () => {
  await tab.evaluate("change({ load: () => { throw new Error('not mounted'); } })");
  await failed('not mounted');
  await tab.evaluate("a.say(came('ann'))");
  await shows('ann');
  await tab.evaluate('change({ load: undefined })');
  await tab.evaluate('change({ load: () => undefined })');
  await failed('usePresence: load must give a list of users, got undefined');
  await shows('ann');
});

test('an onEvent that throws keeps nobody from reading again what is stale', async () => {
  await tab.evaluate("a.say({ type: 'update', id: 'x', seq: 1, module: 'guests', timestamp: 1, queryPaths: ['guests'] })");
  expect(await tab.evaluate('[stale.join(), thrown]')).toEqual(['guests', 'mine']);
});
