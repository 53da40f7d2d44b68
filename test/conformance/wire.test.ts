import type { EncodedAction } from '../../lib/internal/engine.js';
import type { EngineClient } from '../support/engine-client.js';
import { action, encode, encodeEphemeral, encodeMany } from '../support/actions.js';
import { waitFor } from '../support/wait.js';
import { timestampOf } from '../support/sse.js';
import { SPEC_DEFAULTS } from '../support/engine-options.js';
import { conformance, framings } from './targets.js';

const ACTION = action({ id: 'one', timestamp: 1_700_000_000_000, data: { name: 'Ünï “cöde” 💥' } });

/** As the client got it, with what chance decides made constant. */
function normal(client: EngineClient): string {
  return client.messages
    .map(({ raw }) => raw)
    .join('')
    .replaceAll(/^retry: \d+$/gm, 'retry: R')
    .replaceAll(/"retryMs":\d+/g, '"retryMs":R')
    .replaceAll(/[0-9a-f]{12}(?=[."])/g, 'EPOCH')
    .replaceAll(/"(timestamp|serverTime)":(?!1700000000000)\d+/g, '"$1":T')
    .replaceAll(client.connectionId, 'CONNECTION');
}

const HELLO =
  '{"type":"hello","timestamp":T,"queryPaths":[],"recovered":false,"reason":"fresh","cursor":"EPOCH.0","epoch":"EPOCH","serverTime":T,"heartbeatMs":15000,"connectionId":"CONNECTION"}';
const ONE =
  '{"id":"one","type":"update","module":"guests","entityId":"g1","companyId":"acme","userId":"u1","timestamp":1700000000000,"queryPaths":["guests.getAll"],"data":{"name":"Ünï “cöde” 💥"},"seq":1}';
const CLOSE = '{"type":"server_close","timestamp":T,"queryPaths":[],"reason":"revoked","retryMs":R}';
const CONNECTED = 'event: connected\ndata: {"reconnectAfterInactivityMs":37500}\n\n';

conformance('The wire', framings, (bench) => {
  test.each([
    {
      name: 'plain',
      spec: {},
      bytes: `retry: R\nid: EPOCH.0\ndata: ${HELLO}\n\nid: EPOCH.1\ndata: ${ONE}\n\nretry: R\nevent: server_close\nid: EPOCH.1\ndata: ${CLOSE}\n\n`,
    },
    {
      name: 'plain without ids',
      spec: { ids: false },
      bytes: `retry: R\ndata: ${HELLO}\n\ndata: ${ONE}\n\nretry: R\nevent: server_close\ndata: ${CLOSE}\n\n`,
    },
    {
      name: 'tRPC',
      spec: { dialect: 'trpc' as const },
      bytes: `retry: R\n${CONNECTED}id: EPOCH.0\ndata: ${HELLO}\n\nid: EPOCH.1\ndata: ${ONE}\n\nretry: R\nevent: server_close\nid: EPOCH.1\ndata: ${CLOSE}\n\n`,
    },
    {
      name: 'tRPC without ids',
      spec: { dialect: 'trpc' as const, ids: false },
      bytes: `retry: R\n${CONNECTED}data: ${HELLO}\n\ndata: ${ONE}\n\nretry: R\nevent: server_close\ndata: ${CLOSE}\n\n`,
    },
    {
      name: 'tRPC transformed',
      spec: { dialect: 'trpc' as const, transformed: true },
      bytes: `retry: R\n${CONNECTED}id: EPOCH.0\ndata: {"json":${HELLO}}\n\nid: EPOCH.1\ndata: {"json":${ONE}}\n\nretry: R\nevent: server_close\nid: EPOCH.1\ndata: ${CLOSE}\n\n`,
    },
    {
      name: 'tRPC transformed without ids',
      spec: { dialect: 'trpc' as const, transformed: true, ids: false },
      bytes: `retry: R\n${CONNECTED}data: {"json":${HELLO}}\n\ndata: {"json":${ONE}}\n\nretry: R\nevent: server_close\ndata: ${CLOSE}\n\n`,
    },
  ])('SPEC §3: the bytes of a $name stream', async ({ spec, bytes }) => {
    const engine = bench().engine({ heartbeatMs: 15_000 });
    const client = await bench().open(engine, spec);
    await engine.publish([encode(ACTION)]);
    await client.untilAction('one');
    expect(await engine.disconnect({ connectionId: client.connectionId }, 'revoked')).toBe(1);
    await client.untilEnd();
    expect(normal(client)).toBe(bytes);
  });

  test('SPEC §3: retry is 50–150 % of the mean and differs from stream to stream', async () => {
    const engine = bench().engine({ retryMs: 10_000 });
    const clients = await Promise.all(Array.from({ length: 20 }, async () => await bench().open(engine)));
    const hints = clients.map((client) => client.messages[0]!.retry!);
    for (const hint of hints) {
      expect(hint).toBeGreaterThanOrEqual(5_000);
      expect(hint).toBeLessThanOrEqual(15_000);
    }
    expect(new Set(hints).size).toBeGreaterThan(5);
    for (const client of clients) expect(client.messages.filter(({ retry }) => retry !== undefined)).toHaveLength(1);
  });

  test('SPEC §3: the bytes of a resync', async () => {
    const engine = bench().engine();
    engine.setResyncPaths(['guests.getAll', 'a.b']);
    const client = await bench().open(engine, { lastEventId: 'nonsense' });
    await waitFor(() => client.resyncs.length > 0, 'the resync');
    const { raw } = client.messages[1]!;
    expect(raw.replace(/"timestamp":\d+/, '"timestamp":T').replace(/[0-9a-f]{12}/, 'EPOCH')).toBe(
      'id: EPOCH.0\ndata: {"type":"resync","timestamp":T,"queryPaths":["guests.getAll","a.b"],"reason":"unknown_cursor"}\n\n',
    );
  });

  test('SPEC §3: the bytes of an invalidate', async () => {
    const engine = bench().engine({ compactAfter: 1 });
    const first = await bench().open(engine);
    for (const encoded of encodeMany(2, 'x')) await engine.publish([encoded]);
    await first.untilAction('x2');
    const client = await bench().open(engine, { lastEventId: first.messages[0]!.id! });
    await waitFor(() => client.invalidates.length > 0, 'the invalidate');
    const { raw } = client.messages[1]!;
    expect(raw.replace(/"timestamp":\d+/, '"timestamp":T').replace(/[0-9a-f]{12}/, 'EPOCH')).toBe(
      'id: EPOCH.2\ndata: {"type":"invalidate","timestamp":T,"queryPaths":["guests.getAll"],"from":1,"to":2,"count":2,"modules":["guests"]}\n\n',
    );
  });

  test('SPEC §3: an action with a transformed form of its own', async () => {
    const engine = bench().engine();
    const plain = await bench().open(engine);
    const trpc = await bench().open(engine, { dialect: 'trpc', transformed: true });
    const encoded: EncodedAction = encode({ id: 'dated', data: { at: '2026-01-01T00:00:00.000Z' } });
    encoded.transformed = { head: `{"json":${encoded.head}`, tail: '},"meta":{"values":{"data.at":["Date"]},"v":1}}' };
    await engine.publish([encoded]);
    await Promise.all([plain.untilAction('dated'), trpc.untilAction('dated')]);
    expect(plain.messages.at(-1)!.data).toBe(`${encoded.head}1}`);
    expect(trpc.messages.at(-1)!.data).toBe(`{"json":${encoded.head}1},"meta":{"values":{"data.at":["Date"]},"v":1}}`);
    const resumed = await bench().open(engine, { dialect: 'trpc', transformed: true, lastEventId: trpc.messages.find(({ id }) => id)!.id! });
    await resumed.untilAction('dated');
    expect(resumed.messages.at(-1)!.raw).toBe(trpc.messages.at(-1)!.raw);
  });

  test('SPEC §3: without a transformer a transformed stream is plain JSON', async () => {
    const engine = bench().engine({ transformWrap: null });
    const client = await bench().open(engine, { dialect: 'trpc' });
    await engine.publish([encode(ACTION)]);
    await client.untilAction('one');
    expect(client.messages.at(-1)!.data).toBe(ONE);
  });

  test('SPEC §3: a head goes before the first event', async () => {
    const engine = bench().engine();
    const httpHead = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Ü: 1\r\n\r\n';
    const chunks: Buffer[] = [];
    engine.openSink({ ...SPEC_DEFAULTS, httpHead }, { write: (chunk) => chunks.push(Buffer.from(chunk)) > 0, close: () => undefined });
    const text = await waitFor(() => Buffer.concat(chunks).toString('latin1'), 'the first bytes');
    expect(text.startsWith(`${httpHead}retry: `)).toBe(true);
  });

  test('SPEC §3: an ephemeral event has an id in the tRPC dialect only, that of the current cursor', async () => {
    const engine = bench().engine();
    const plain = await bench().open(engine);
    const trpc = await bench().open(engine, { dialect: 'trpc', transformed: true });
    const bare = await bench().open(engine, { dialect: 'trpc', ids: false });
    await engine.publish(encodeMany(2, 'x'));
    const event = encodeEphemeral('acme', 'typing', { who: 'u1' });
    engine.ephemeral(event);
    for (const client of [plain, trpc, bare]) await waitFor(() => client.trace.at(-1) === 'ephemeral', 'the event');
    expect(plain.messages.at(-1)!.raw).toBe(`data: ${event.json}\n\n`);
    expect(trpc.messages.at(-1)!.raw).toBe(`id: ${trpc.hello!.epoch}.2\ndata: {"json":${event.json}}\n\n`);
    expect(bare.messages.at(-1)!.raw).toBe(`data: ${event.json}\n\n`);
    engine.ephemeral({ ...event, transformedJson: '{"json":{"type":"ephemeral"},"meta":1}' });
    await waitFor(() => trpc.messages.at(-1)!.data.endsWith('"meta":1}'), 'its transformed form');
  });

  test('SPEC §3: a ping has the cursor; without ids it has none', async () => {
    const engine = bench().engine({ heartbeatMs: 40 });
    const plain = await bench().open(engine);
    const bare = await bench().open(engine, { ids: false, dialect: 'trpc', transformed: true });
    await waitFor(() => plain.pings.length > 0 && bare.pings.length > 0, 'pings');
    const timestamps = [plain, bare].map((client) => timestampOf(client.pings[0]!));
    const data = timestamps.map((timestamp) => `data: {"type":"ping","timestamp":${timestamp},"queryPaths":[]}\n\n`);
    expect(plain.pings[0]!.raw).toBe(`event: ping\nid: ${plain.hello!.cursor}\n${data[0]}`);
    expect(bare.pings[0]!.raw).toBe(`event: ping\n${data[1]}`);
  });

  test('SPEC §3: reconnectAfterInactivityMs is a whole number', async () => {
    const engine = bench().engine({ heartbeatMs: 15_001 });
    const client = await bench().open(engine, { dialect: 'trpc' });
    const { data } = client.messages.find(({ event }) => event === 'connected')!;
    expect([37_502, 37_503]).toContain((JSON.parse(data) as { reconnectAfterInactivityMs: number }).reconnectAfterInactivityMs);
  });
});

/** As UTF-8 has it. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

const HOSTILE = [
  '\r\n\r\ndata: {"type":"delete"}\n\n',
  'a\nid: 0.0',
  'a\revent: server_close',
  '\u0000',
  '\u2028\u2029',
  '\uFEFFdata: x',
  '\uD800',
  '\uDC00\uD800',
  '"}\n\nevent: return\ndata:\n\n',
  '</script><!--',
  '\\u000a\\n',
];

conformance('Bytes are safe whatever a field holds', framings, (bench) => {
  test.each(HOSTILE)('SPEC §3: %j in every field forges no event', async (text) => {
    const engine = bench().engine({ compactAfter: 1 });
    const specs = [{}, { ids: false }, { dialect: 'trpc' as const, transformed: true, trpcPath: text }];
    const clients = await Promise.all(specs.map(async (spec) => await bench().open(engine, spec)));
    const position = clients[0]!.lastEventId!;
    const hostile = {
      entityId: text, userId: text, clientId: text, sourceId: text, toolName: text, module: text, queryPaths: [text, `a.${text}`],
      data: { [text]: [text, { text }] }, tx: text,
    };
    const sent = [encode({ ...hostile, id: `1${text}` }), encode({ ...hostile, id: `2${text}` })];
    for (const encoded of sent) await engine.publish([encoded]);
    const event = encodeEphemeral('acme', text, text);
    engine.ephemeral(event);
    for (const client of clients) {
      await waitFor(() => client.trace.at(-1) === 'ephemeral', 'the last event');
      expect(client.trace.filter((what) => what !== 'connected')).toEqual(['hello', 'update:1', 'update:2', 'ephemeral']);
      // What went in comes out, as JSON has it.
      expect(client.actions.map((got) => ({ ...got }))).toEqual(sent.map(({ head, tail }, i) => JSON.parse(`${head}${i + 1}${tail}`)));
    }
    const compacted = await bench().open(engine, { lastEventId: position });
    await waitFor(() => compacted.invalidates.length > 0, 'the invalidate');
    expect(compacted.invalidates[0]!.modules.map(wellFormed)).toEqual([wellFormed(text)]);
    expect(compacted.trace).toEqual(['hello', 'invalidate']);
    const junk = await bench().open(engine, { lastEventId: text });
    await waitFor(() => junk.resyncs.length > 0, 'the resync');
    expect(junk.trace).toEqual(['hello', 'resync']);
  });

  test('SPEC §3: a hostile path in a refusal stays a string', async () => {
    const engine = bench().engine({ maxPerUser: 1 });
    await bench().open(engine);
    const trpcPath = 'a"\n\nevent: return\ndata: \u2028';
    const refused = await bench().connect(engine, { dialect: 'trpc', trpcPath });
    await refused.untilEnd();
    expect(refused.trace).toEqual(['connected', 'serialized-error']);
    expect(JSON.parse(refused.messages[1]!.data)).toMatchObject({ data: { path: trpcPath } });
  });
});
