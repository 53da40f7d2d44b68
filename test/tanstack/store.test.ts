/** What a provider of `pathcast/react` and its hooks share of a cache. */
import { notifyManager } from '@tanstack/query-core';
import { RealtimeStore, UNBOUND } from '../../lib/react/store.js';
import { Page } from './support/page.js';

beforeAll(() => notifyManager.setScheduler(queueMicrotask));

test('who looks at a cache is told when it is bound, and when the provider has it no more', () => {
  const page = new Page();
  page.tell({ state: 'live', reason: 'open', cursor: 'e.0' });
  const store = new RealtimeStore();
  const told: string[] = [];
  store.watch(() => told.push(store.caches.state));
  const end = store.bind(page.queries, page.client());
  expect(told).toEqual(['current']);
  end();
  expect(told).toEqual(['current', 'unknown']);
  expect([store.caches, store.binding]).toEqual([UNBOUND, undefined]);
  page.end();
});
