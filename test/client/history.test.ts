/** What a tab has heard (`lib/client/tabs/history.ts`): what is a double, and what only looks like one. */
import { createHistory, type Entry } from '../../lib/client/tabs/history.js';
import type { ClientEvent } from '../../lib/client/index.js';

const action = (name: string, id: string | undefined): Entry => ({ id, event: { id: name, type: 'update', seq: 1, queryPaths: [], timestamp: 0 } as unknown as ClientEvent, at: 0, size: 1 });

test('an id that is used again at a later place is another action: the server has let go of the first', () => {
  const history = createHistory('e1.0');
  expect(['e1.1', 'e1.2', 'e1.42'].map((place, nth) => history.accept(action(nth === 1 ? 'other' : 'guest-1', place)))).toEqual([true, true, true]);
  expect(history.cursor).toBe('e1.42');
  expect(history.accept(action('guest-1', 'e1.42'))).toBe(false);
});

test('one that comes again in another life of the log, or without a place, is a double', () => {
  const history = createHistory('e1.0');
  history.accept(action('guest-1', 'e1.1'));
  expect(history.accept(action('guest-1', 'e2.1'))).toBe(false);
  expect(history.cursor).toBe('e2.1');
  expect(history.accept(action('guest-1', undefined))).toBe(false);
});
