/** The generator over an engine's sink: order, bound, ends, and `return()` while `next()` waits. */
import { EventStream } from '../../../lib/server/event-stream.js';
import type { SinkMessage } from '../../../lib/internal/engine.js';
import type { SyncEvent } from '../../../lib/protocol/events.js';
import type { PathcastError } from '../../../lib/protocol/error.js';

interface Item {
  id: string | undefined;
  n: number;
}

function open(): { stream: EventStream<Item>; calls: string[]; send: (...messages: SinkMessage[]) => boolean } {
  const calls: string[] = [];
  const stream = new EventStream<Item>({
    decode: JSON.parse,
    wrap: (event: SyncEvent, id) => ({ id, ...(event as unknown as { n: number }) }),
    toError: (error) => error,
  });
  stream.attach({ connectionId: 'c', ready: () => calls.push('ready'), abort: () => calls.push('abort') });
  return { stream, calls, send: (...messages) => stream.write(messages) };
}
const message = (n: number, pad = ''): SinkMessage => ({
  kind: 'message',
  id: `e.${n}`,
  data: JSON.stringify({ n, pad }),
});
const ping = (id: string): SinkMessage => ({ kind: 'ping', id, data: '{"type":"ping","n":0}' });

test('events in order, with their ids; connected is no event', async () => {
  const { stream, send } = open();
  const connected: SinkMessage = { kind: 'connected', data: '{}', retryMs: 5 };
  expect(send(connected, message(1), ping('e.1'), message(2), { kind: 'message', data: '{"n":3}' })).toBe(true);
  expect((await stream.next()).value).toMatchObject({ id: 'e.1', n: 1 });
  expect((await stream.next()).value).toMatchObject({ id: 'e.1', type: 'ping' });
  expect((await stream.next()).value).toMatchObject({ id: 'e.2', n: 2 });
  expect((await stream.next()).value).toMatchObject({ id: undefined, n: 3 });
});

test('a ping goes through no transformer', async () => {
  const stream = new EventStream<unknown>({
    decode: (text) => (JSON.parse(text) as { json: unknown }).json,
    wrap: (event) => event,
    toError: (error) => error,
  });
  stream.write([ping('e.1'), { kind: 'message', data: '{"json":{"n":1}}' }]);
  expect((await stream.next()).value).toEqual({ type: 'ping', n: 0 });
  expect((await stream.next()).value).toEqual({ n: 1 });
});

test('of pings that nobody pulls the newest stays: they fill nothing', async () => {
  const { stream, send, calls } = open();
  for (let i = 0; i < 10_000; i++) expect(send(ping(`e.${i}`))).toBe(true);
  send(message(10_000));
  expect((await stream.next()).value).toMatchObject({ id: 'e.9999', type: 'ping' });
  expect((await stream.next()).value).toMatchObject({ id: 'e.10000' });
  expect(calls).toEqual([]);
});

test('next() waits for what comes, several at once in order', async () => {
  const { stream, send } = open();
  const waiting = [stream.next(), stream.next(), stream.next()];
  send(message(1));
  send(message(2), message(3));
  expect((await Promise.all(waiting)).map((result) => result.value?.n)).toEqual([1, 2, 3]);
});

test('full until the consumer has caught up, then ready once', async () => {
  const { stream, send, calls } = open();
  expect(send(message(1, 'x'.repeat(10_000)))).toBe(true);
  expect(send(message(2, 'x'.repeat(10_000)))).toBe(false);
  await stream.next();
  expect(send(message(3))).toBe(false);
  await stream.next();
  expect(calls).toEqual([]);
  await stream.next();
  expect(calls).toEqual(['ready']);
  expect(send(message(4))).toBe(true);
});

test('return() ends a waiting next() at once, and aborts once', async () => {
  const { stream, calls, send } = open();
  const waiting = stream.next();
  expect(await stream.return()).toEqual({ done: true, value: undefined });
  expect(await waiting).toEqual({ done: true, value: undefined });
  await stream.return();
  expect(calls).toEqual(['abort']);
  expect(send(message(1))).toBe(true);
  expect((await stream.next()).done).toBe(true);
});

test('throw() aborts and gives the error back', async () => {
  const { stream, calls } = open();
  await expect(stream.throw(new Error('mine'))).rejects.toThrow('mine');
  expect(calls).toEqual(['abort']);
});

test('a close reason is thrown after what came before it', async () => {
  const { stream, send, calls } = open();
  send(message(1), { kind: 'server_close', id: 'e.1', data: '{"type":"server_close","reason":"drain","retryMs":9}', retryMs: 9 });
  stream.close();
  expect((await stream.next()).value?.n).toBe(1);
  await expect(stream.next()).rejects.toMatchObject({ code: 'STREAM_CLOSED', reason: 'drain', retryable: true });
  expect((await stream.next()).done).toBe(true);
  expect(calls).toEqual([]);
});

test.each([
  ['Too many connections for this user: 5 of 5', 'USER_LIMIT'],
  ['Too many connections for this company: 50 of 50', 'COMPANY_LIMIT'],
  ['The server is draining; reconnect', 'DRAINING'],
  ['Something new', 'STREAM_CLOSED'],
])('the refusal %p is thrown as %s', async (text, code) => {
  const { stream, send } = open();
  const waiting = stream.next().catch((error: PathcastError) => error);
  send(
    { kind: 'connected', data: '{}' },
    { kind: 'serialized-error', data: JSON.stringify({ message: text, code: -1 }) },
  );
  stream.close();
  expect(await waiting).toMatchObject({ code, message: text });
});

test('an end without a word is an end that a client comes back from', async () => {
  const { stream } = open();
  const waiting = stream.next();
  stream.close();
  await expect(waiting).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
});

test('onFinish is called once, also when it is late', () => {
  const { stream } = open();
  let calls = 0;
  stream.onFinish(() => calls++);
  stream.end();
  stream.end();
  stream.onFinish(() => calls++);
  expect(calls).toBe(2);
});

test('await using ends it', async () => {
  const { stream, calls } = open();
  await stream[Symbol.asyncDispose]();
  expect(calls).toEqual(['abort']);
});
