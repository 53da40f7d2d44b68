/** Where a drop-in subscriber starts: at its own read, never behind it; at nobody else's if that can be told. */
import { AsyncResource } from 'node:async_hooks';
import { RecentReads } from '../../../lib/server/recent-reads.js';

/** Each request of a server has an async context of its own. */
const request = <T>(fn: () => T): T => new AsyncResource('request').runInAsyncScope(fn);

let now = 0;
let reads: RecentReads;
beforeEach(() => {
  now = 1_000_000;
  reads = new RecentReads(() => now);
});
const read = (cursor: string): void => reads.end(reads.begin('acme'), cursor);

test('a subscriber starts at its own read, a fresh one at none', async () => {
  const ann = request(async () => {
    read('e.5');
    await Promise.resolve();
    return reads.start('acme');
  });
  expect(await ann).toBe('e.5');
  expect(request(() => reads.start('acme'))).toBeUndefined();
});

test('who cannot be told by its context starts at the oldest read that nobody has claimed: two clients, two seconds apart', () => {
  request(() => read('e.5'));
  now += 2_000;
  request(() => read('e.9'));
  expect(request(() => reads.start('acme'))).toBe('e.5');
  expect(request(() => reads.start('other'))).toBeUndefined();
  now += 59_000;
  expect(request(() => reads.start('acme'))).toBe('e.9');
  now += 2_000;
  expect(request(() => reads.start('acme'))).toBeUndefined();
});

test('reads of one second are one position, the first, until each of them is claimed', async () => {
  const [first, second] = ['e.5', 'e.6'].map((cursor) => request(() => (read(cursor), new AsyncResource('client'))));
  expect(request(() => reads.start('acme'))).toBe('e.5');
  expect(first?.runInAsyncScope(() => reads.start('acme'))).toBe('e.5');
  expect(request(() => reads.start('acme'))).toBe('e.5');
  expect(second?.runInAsyncScope(() => reads.start('acme'))).toBe('e.6');
  expect(request(() => reads.start('acme'))).toBeUndefined();
  // One read, one subscriber.
  expect(second?.runInAsyncScope(() => reads.start('acme'))).toBeUndefined();
});

test('a generator that yields what it read goes on as the one who read, whoever pulls it', () => {
  const list = ['a', 'b'];
  const client = request(() => {
    const mark = reads.begin('acme');
    reads.end(mark, 'e.5');
    return (function* () {
      for (const one of reads.carry(mark, list)) yield one;
      yield reads.start('acme');
    })();
  });
  const pulled = [1, 2, 3].map(() => request(() => client.next().value));
  expect(pulled).toEqual(['a', 'b', 'e.5']);
  expect(list).toEqual(['a', 'b']);
  expect([...list]).toEqual(['a', 'b']);
});
