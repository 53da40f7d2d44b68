/** `<RealtimeProvider queryClient>` in a real browser, mounted twice by StrictMode: the cache is true, a failed refetch is shown and mended, and the provider's end is the binding's. */
import { Chromium } from '../support/chromium/chromium.js';
import type { Tab } from '../support/chromium/tab.js';
import { waitFor } from '../support/wait.js';
import { bundle } from './support/bundle.js';
import { COMPANY, Site } from './support/site.js';

jest.setTimeout(90_000);

const PAGE = `
  import { StrictMode, useState, useSyncExternalStore } from 'react';
  import { createRoot } from 'react-dom/client';
  import { QueryClient, QueryObserver } from '@tanstack/query-core';
  import { RealtimeProvider, useCacheStatus } from './lib/react/index.js';

  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  const observer = new QueryObserver(queryClient, {
    queryKey: [['guests', 'getAll'], { type: 'query' }],
    queryFn: async () => {
      const answer = await fetch('/count');
      if (!answer.ok) throw new Error('failed');
      return await answer.json();
    },
  });
  const subscribe = (changed) => observer.subscribe(changed);
  const result = () => observer.getCurrentResult();

  function Guests() {
    const { data } = useSyncExternalStore(subscribe, result);
    const { state } = useCacheStatus();
    (globalThis.states ??= []).push(state);
    return <p id="shown">{String(data)} {state}</p>;
  }
  function App() {
    const [mounted, set] = useState(true);
    globalThis.unmount = () => set(false);
    return mounted ? <RealtimeProvider url="/sync/stream?user=ada" companyId="${COMPANY}" userId="ada" queryClient={queryClient}><Guests /></RealtimeProvider> : <p id="gone" />;
  }
  globalThis.isMarked = () => queryClient.getQueryState([['guests', 'getAll'], { type: 'query' }]).isInvalidated;
  createRoot(document.getElementById('root')).render(<StrictMode><App /></StrictMode>);
`;

let chromium: Chromium;
let site: Site;
let tab: Tab;
let count = 1;
let asked = 0;
let failing = 0;
beforeAll(async () => {
  chromium = await Chromium.launch();
  site = await Site.start({
    scripts: { '/client.js': await bundle(PAGE) },
    before(request, response) {
      if (request.url !== '/count') return false;
      asked += 1;
      if (failing > 0) {
        failing -= 1;
        response.writeHead(502).end();
      } else {
        response.setHeader('content-type', 'application/json').end(String(count));
      }
      return true;
    },
  });
});
afterAll(async () => {
  await site?.close();
  await chromium?.close();
});

test('what changes is shown; what failed is shown as that, and is true by itself; unmounted, it hears nothing', async () => {
  tab = await chromium.open(`${site.url}/`, {});
  await tab.until("document.getElementById('shown')?.textContent === '1 current'");
  count = 2;
  await site.publish();
  await tab.until("document.getElementById('shown').textContent === '2 current'");

  [count, failing] = [3, 1];
  await tab.evaluate('states.splice(0)');
  await site.publish();
  await tab.until("document.getElementById('shown').textContent === '3 current'");
  expect(await tab.evaluate<string[]>('[...new Set(states)]')).toEqual(['refetching', 'failed', 'current']);

  const before = asked;
  await tab.evaluate('unmount()');
  await tab.until("document.getElementById('gone') !== null");
  await site.publish();
  await waitFor(() => site.streams === 0, 'the stream to end');
  expect(asked).toBe(before);
  expect(await tab.evaluate<boolean>('isMarked()')).toBe(false);
  await tab.close();
  // A failed answer is said by the browser itself.
  expect(tab.complaints.filter((line) => !String(line).includes('502'))).toEqual([]);
});
