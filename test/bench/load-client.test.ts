/**
 * The instrument before the figures: the load client counts what a server sent, however the bytes are cut up, and
 * sees what is missing.
 */
import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import { createInterface } from 'node:readline';
import path from 'node:path';

const root = path.join(__dirname, '../..');

type Answer = Record<string, number> & { timedOut?: boolean; error?: string };

/** The compiled client in a process of its own, spoken to as the harness does. */
class Load {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  #id = 0;

  constructor(binary: string) {
    this.#process = spawn(binary);
    this.#answers = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  async ask(cmd: string, options: object = {}): Promise<Answer> {
    this.#process.stdin.write(`${JSON.stringify({ id: (this.#id += 1), cmd, ...options })}\n`);
    const { value } = await this.#answers.next();
    return JSON.parse(value as string);
  }

  async end(): Promise<number | null> {
    const ended = once(this.#process, 'exit');
    this.#process.stdin.end();
    const [code] = await ended;
    return code as number | null;
  }
}

const event = (seq: number) =>
  `id: 9f3ab2c4d5e6.${seq}\ndata: {"type":"update","data":{"t":"${process.hrtime.bigint()}"},"seq":${seq}}\n\n`;
const hello = (seq: number) =>
  `retry: 2000\n\nid: 9f3ab2c4d5e6.${seq}\ndata: {"type":"hello","timestamp":1,"queryPaths":[],"recovered":false,"reason":"fresh"}\n\n`;
const resumed = (cursor: string) => `retry: 2000\n\nid: ${cursor}\ndata: {"type":"hello","recovered":true,"reason":"resumed"}\n\n`;
const invalidate = (from: number, to: number) =>
  `id: 9f3ab2c4d5e6.${to}\ndata: {"type":"invalidate","queryPaths":["guests"],"from":${from},"to":${to},"count":${to - from + 1}}\n\n`;
const PING = 'event: ping\nid: 9f3ab2c4d5e6.1\ndata: {"type":"ping","timestamp":1,"queryPaths":[]}\n\n';

describe('the load client', () => {
  let binary: string;
  let load: Load;
  let server: Server | TcpServer;

  beforeAll(() => {
    const script = "import { loadClient } from './bench/harness/binaries.mjs'; process.stdout.write(loadClient())";
    binary = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: root, encoding: 'utf8' });
  }, 120_000);

  beforeEach(() => {
    load = new Load(binary);
  });

  afterEach(async () => {
    expect(await load.end()).toBe(0);
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });

  async function listen(started: Server | TcpServer): Promise<number> {
    server = started;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  test.each([1, 2, 3, 7, 64, 4096])('reads a chunked stream that comes %i bytes at a time', async (size) => {
    const body = hello(0) + event(1) + PING + event(2) + '\n\n' + event(3);
    const trickle = async (res: ServerResponse) => {
      res.socket?.setNoDelay(true);
      for (let at = 0; at < body.length; at += size) {
        res.write(body.slice(at, at + size));
        await new Promise(setImmediate);
      }
    };
    const port = await listen(createServer((_req, res) => void trickle(res)));
    await load.ask('open', { count: 4, port, cursors: true });
    const got = await load.ask('expect', { events: 12 });
    expect(got).toMatchObject({ timedOut: false, events: 12, fewestEvents: 3, mostEvents: 3, latencyCount: 12 });
    expect(got).toMatchObject({ hellos: 4, pings: 4, gaps: 0, repeats: 0, lost: 0, failedConnects: 0 });
    expect(got['eventBytes']).toBe(4 * (event(1).length * 3 + 2));
  });

  test('reads a stream without framing, sees a gap and a repeat, takes an invalidate as a cover', async () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n';
    const port = await listen(
      createTcpServer((socket) => {
        socket.on('error', () => undefined);
        // 5 is missing, 6 comes twice, 7 to 19 are covered.
        socket.write(head + hello(3) + event(4) + event(6) + event(6) + invalidate(7, 19) + event(20));
      }),
    );
    await load.ask('open', { count: 2, port, cursors: true });
    const got = await load.ask('expect', { events: 8 });
    expect(got).toMatchObject({ timedOut: false, gaps: 2, repeats: 2, invalidates: 2, payloads: 10 });
    expect(got['largestPayload']).toBe(invalidate(7, 19).length);
  });

  test('comes back with its last id, and has resumed when it has what it missed', async () => {
    const asked: (string | undefined)[] = [];
    const port = await listen(
      createServer((req, res) => {
        const lastEventId = req.headers['last-event-id'] as string | undefined;
        asked.push(lastEventId);
        res.write(lastEventId ? resumed(lastEventId) + event(2) + event(3) : hello(0) + event(1));
      }),
    );
    await load.ask('open', { count: 3, port, cursors: true });
    await load.ask('expect', { events: 3 });
    await load.ask('cut');
    await load.ask('reset');
    const got = await load.ask('reconnect', { events: 2 });
    expect(got).toMatchObject({ timedOut: false, resumed: 3, resumeCount: 3, events: 6, recovered: 3, gaps: 0, repeats: 0 });
    expect(asked.sort()).toEqual([...Array(3).fill('9f3ab2c4d5e6.1'), ...Array(3).fill(undefined)]);
  });

  test('a client that stops reading gets the rest when it reads on', async () => {
    let send: (text: string) => void = () => undefined;
    const port = await listen(
      createServer((_req, res) => {
        res.write(hello(0));
        send = (text) => void res.write(text);
      }),
    );
    await load.ask('open', { count: 1, port, cursors: true });
    await load.ask('stall', { count: 1 });
    send(event(1));
    expect(await load.ask('expect', { events: 1, timeoutMs: 100 })).toMatchObject({ timedOut: true, events: 0 });
    await load.ask('unstall');
    const got = await load.ask('converge', { seq: 1 });
    expect(got).toMatchObject({ timedOut: false, stallGroup: 1, converged: 1, byActions: 1, stalledLatencyCount: 1, latencyCount: 0 });
  });

  test('says what it does not understand', async () => {
    const port = await listen(createServer((_req, res) => res.writeHead(503).end()));
    expect((await load.ask('fly')).error).toBe('no such command: fly');
    const got = await load.ask('open', { count: 2, port, timeoutMs: 1_000 });
    expect(got).toMatchObject({ timedOut: true, streaming: 0 });
    expect(got['failedConnects']).toBeGreaterThanOrEqual(2);
  });
});
