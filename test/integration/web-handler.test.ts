/** `pathcast/web`: the plain endpoint as Request → Response, pulled by whoever reads it. */
import { createHub, type Hub, type HubFailure } from '../../lib/index.js';
import { webHandler } from '../../lib/web/index.js';
import { ann, change } from '../support/actions.js';
import { coveredSeqs, eventsIn } from '../support/coverage.js';
import { ENGINES } from '../support/engines.js';
import { waitFor, within } from '../support/wait.js';

const URL_ = 'http://localhost/sync/stream';

class Reader {
  text = '';
  done = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  constructor(response: Response) {
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader();
  }
  /** Reads until the text is there or the stream is over. */
  async until(text: string): Promise<string> {
    const decoder = new TextDecoder();
    while (!this.text.includes(text)) {
      const { value, done } = await this.#reader.read();
      if (done) {
        this.done = true;
        return this.text;
      }
      this.text += decoder.decode(value);
    }
    return this.text;
  }
  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

describe.each(ENGINES)('%s engine', (engine) => {
  let hub: Hub;
  beforeEach(() => {
    hub = createHub({ engine, retryMs: 20 });
  });
  afterEach(() => hub.close());

  test('events, resume and cancel', async () => {
    const handle = webHandler({ hub, identify: ann, headers: { 'access-control-allow-origin': '*' } });
    const response = await handle(new Request(URL_));
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toEqual({
      'access-control-allow-origin': '*',
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    const first = new Reader(response);
    await first.until('hello');
    await hub.broadcast({ ...change, id: 'one' });
    await hub.broadcast({ ...change, id: 'two' });
    await first.until('"two"');
    const cursor = /^id: (.*\.1)$/m.exec(first.text)?.[1] ?? '';
    await first.cancel();
    await waitFor(() => hub.metrics().connections === 0, 'the stream to be gone');

    const again = new Reader(await handle(new Request(URL_, { headers: { 'last-event-id': cursor } })));
    await again.until('"two"');
    expect(again.text).toMatch(/"reason":"resumed"/);
    expect(again.text).not.toMatch(/"one"/);
    await again.cancel();
  });

  test('a reader that does not read is conflated, and hears of all of it', async () => {
    const reader = new Reader(await webHandler({ hub, identify: ann })(new Request(URL_)));
    await waitFor(async () => {
      await hub.broadcast({ ...change, data: 'x'.repeat(8_000) });
      expect(hub.metrics().backlogBytes).toBeLessThanOrEqual(65_536 + 10_000);
      return hub.metrics().conflations > 0;
    }, 'conflation');
    const last = await hub.broadcast({ ...change, queryPaths: ['guests.getStats'] });
    const events = eventsIn(await reader.until('guests.getStats'));
    expect(events.filter((event) => event.type === 'invalidate')).not.toEqual([]);
    expect(coveredSeqs(events)).toEqual(Array.from({ length: last.ok ? (last.seq ?? 0) : 0 }, (_, i) => i + 1));
    await reader.cancel();
  });

  test('a request that is aborted frees its place, also before anybody reads', async () => {
    const cut = new AbortController();
    await webHandler({ hub, identify: ann })(new Request(URL_, { signal: cut.signal }));
    await waitFor(() => hub.metrics().connections === 1, 'the stream');
    expect(hub.metrics().leases).toBe(1);
    cut.abort();
    await waitFor(() => hub.metrics().connections === 0, 'the stream to be gone');
    expect(hub.metrics()).toMatchObject({ leases: 0, backlogBytes: 0, slowSinks: 0 });
  });

  test('a reader sees the end of a request that was aborted, also of one that was so from the start', async () => {
    const cut = new AbortController();
    const reader = new Reader(await webHandler({ hub, identify: ann })(new Request(URL_, { signal: cut.signal })));
    await reader.until('hello');
    const reading = reader.until('never');
    cut.abort();
    await within(reading, 'the end');
    expect(reader.done).toBe(true);
    const gone = new Reader(
      await webHandler({ hub, identify: ann })(new Request(URL_, { signal: AbortSignal.abort() })),
    );
    await within(gone.until('never'), 'the end of the other');
    await waitFor(() => hub.metrics().connections === 0, 'both to be gone');
    expect(hub.metrics().leases).toBe(0);
  });

  test('a reader sees the end of a hub that closes, whether it waits or comes later', async () => {
    const [waits, late] = [ann, () => ({ companyId: 'acme', userId: 'bob' })].map(async (identify) => {
      const reader = new Reader(await webHandler({ hub, identify })(new Request(URL_)));
      await reader.until('hello');
      return reader;
    }) as [Promise<Reader>, Promise<Reader>];
    const reading = (await waits).until('never');
    await late;
    await hub.close();
    await within(reading, 'the end');
    await within((await late).until('never'), 'the end of the other');
    expect([(await waits).done, (await late).done]).toEqual([true, true]);
  });

  test('the end of the hub ends the body', async () => {
    const reader = new Reader(await webHandler({ hub, identify: ann })(new Request(URL_)));
    await reader.until('hello');
    await hub.drain({ overMs: 0 });
    await reader.until('never');
    expect(reader.done).toBe(true);
    expect(reader.text).toMatch(/"reason":"drain"/);
  });

  test('what identify throws without a status is told by the error event, as by the Node handler', async () => {
    const failures: HubFailure[] = [];
    hub.on('error', (failure) => failures.push(failure));
    const broken = () => Promise.reject(new Error('database password is hunter2'));
    const response = await webHandler({ hub, identify: broken })(new Request(URL_));
    expect(response.status).toBe(500);
    expect(await response.text()).not.toMatch(/hunter2/);
    expect(failures).toEqual([
      { during: 'identify', error: expect.objectContaining({ message: 'database password is hunter2' }) as Error },
    ]);
  });

  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /webHandler options must be an object, got undefined/],
    ['no identify', {}, /identify must be a function \(request\) => identity, got undefined/],
    ['a slip', { identfy: ann }, /webHandler\(\) has no option "identfy"; it has: hub, identify, headers/],
    ['headers that are none', { identify: ann, headers: null }, /headers must be an object, got null/],
    ['a name that HTTP does not allow', { identify: ann, headers: { 'x-név': 'a' } }, /^headers: .*x-név/],
    ['a value that HTTP does not allow', { identify: ann, headers: { 'x-a': 'ő' } }, /^headers: /],
  ])('options are checked when the handler is made: %s', (_name, options, message) => {
    expect(() => webHandler(options as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) as string }),
    );
    expect(hub.metrics()).toMatchObject({ opened: 0, leases: 0 });
  });

  test("the stream's own headers win, however the app writes them", async () => {
    const handle = webHandler({ hub, identify: ann, headers: { 'Content-Type': 'text/html', 'X-Mine': 'yes' } });
    const response = await handle(new Request(URL_));
    expect(Object.fromEntries(response.headers)).toMatchObject({ 'content-type': 'text/event-stream', 'x-mine': 'yes' });
    await response.body?.cancel();
  });

  test('statuses', async () => {
    const forbid = () => {
      throw Object.assign(new Error('no'), { status: 403 });
    };
    expect((await webHandler({ hub, identify: () => null })(new Request(URL_))).status).toBe(401);
    expect((await webHandler({ hub, identify: forbid })(new Request(URL_))).status).toBe(403);
    expect((await webHandler({ hub, identify: ann })(new Request(URL_, { method: 'POST' }))).status).toBe(405);
    expect(
      (await webHandler({ hub, identify: () => ({ companyId: '', userId: 'a' }) })(new Request(URL_))).status,
    ).toBe(500);
    expect(hub.metrics().errors).toEqual({ identify: 1 });
    const head = await webHandler({ hub, identify: ann })(new Request(URL_, { method: 'HEAD' }));
    expect([head.status, head.body]).toEqual([200, null]);
    await hub.close();
    expect((await webHandler({ hub, identify: ann })(new Request(URL_))).status).toBe(503);
  });
});
