/** How a stream is watched, on bodies that are made: what comes, and how long it is listened to. */
import { Readable } from 'node:stream';
import { watch } from '../../../lib/cli/doctor/watch.js';

const message = (payload: object, name = 'message', id = '5d6c00000000.0'): string => `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(payload)}\n\n`;
const HELLO = message({ type: 'hello', reason: 'fresh', heartbeatMs: 1_000, serverTime: 1 });
const bodyOf = (...chunks: string[]): Readable => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));

test('a stream that is never silent is left all the same', async () => {
  const endless = function* () {
    yield Buffer.from(HELLO);
    for (;;) yield Buffer.from(message({ type: 'update' }).repeat(50));
  };
  const body = Readable.from(endless());
  const seen = await watch(body, { firstMs: 1_000, idleMs: () => 50 });
  body.destroy();
  expect(seen).toMatchObject({ end: 'watched', pings: 0 });
  expect(seen.watchedMs).toBeGreaterThanOrEqual(50);
});

test('what ends within a character, or within a message, has ended', async () => {
  const cutWithin = Buffer.from(message({ type: 'update', module: 'gäste' })).subarray(0, -20);
  const seen = await watch(Readable.from([Buffer.from(HELLO), cutWithin]), { firstMs: 1_000, idleMs: () => 1_000 });
  expect(seen).toMatchObject({ end: 'ended', closed: undefined, hello: { type: 'hello', id: '5d6c00000000.0' } });
});

test('a message without an end is none: it is not gathered for ever', async () => {
  let given = 0;
  const endless = function* () {
    const chunk = Buffer.from('data: '.padEnd(1 << 20, 'x'));
    for (; given < 64; given++) yield chunk;
  };
  const seen = await watch(Readable.from(endless()), { firstMs: 20_000, idleMs: () => 0 });
  expect(seen).toMatchObject({ end: 'ended', hello: undefined });
  expect(given).toBeLessThan(16);
});

test.each<[what: string, body: string, seen: object]>([
  ['a refusal of tRPC', message({ json: { message: 'no', code: -32_001, data: { code: 'UNAUTHORIZED' } } }, 'serialized-error'), { refused: { code: 'UNAUTHORIZED', message: 'no' } }],
  ['a refusal that is none', message({ message: 7 }, 'serialized-error'), { refused: { code: '', message: '' } }],
  ['the limit, in the plain dialect', message({ type: 'server_close', reason: 'limit' }, 'server_close'), { refused: { code: 'TOO_MANY_REQUESTS', message: 'no place is free' } }],
  ['a drain', message({ type: 'server_close', reason: 'drain' }, 'server_close'), { closed: 'drain', refused: undefined }],
  ['a transformer of another form', 'data: [["hello"]]\n\n', { hello: { form: 'unreadable' }, stranger: undefined }],
  ['superjson', message({ json: { type: 'hello', reason: 'fresh' }, meta: {} }), { hello: { form: 'wrapped', payload: { reason: 'fresh' } } }],
  ['somebody else’s events', message({ n: 1 }, 'tick'), { hello: undefined, stranger: { type: 'tick' } }],
  ['nothing at all', '', { hello: undefined, end: 'ended' }],
])('%s', async (_what, body, seen) => {
  expect(await watch(bodyOf(body), { firstMs: 1_000, idleMs: () => 0 })).toMatchObject(seen);
});

test('a signal ends it', async () => {
  const body = new Readable({ read: () => undefined });
  const controller = new AbortController();
  const watched = watch(body, { firstMs: 60_000, idleMs: () => 0, signal: controller.signal });
  controller.abort();
  expect(await watched).toMatchObject({ end: 'stopped' });
  expect(await watch(body, { firstMs: 60_000, idleMs: () => 0, signal: controller.signal })).toMatchObject({ end: 'stopped' });
  body.destroy();
});
