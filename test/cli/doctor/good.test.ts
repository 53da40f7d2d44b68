/** Set-ups that are right have no finding, of whatever severity; and what was looked at is told. */
import { createServer as createSecureServer } from 'node:https';
import path from 'node:path';
import superjson from 'superjson';
import { ENGINES } from '../../support/engines.js';
import { startHaproxy } from '../../support/haproxy.js';
import { PROXIES, startProxy } from '../../support/proxies.js';
import { tlsFiles } from '../../support/tls.js';
import { Cli, CodeBase, REALTIME, router, TELL, WRITE } from '../support/cli.js';
import { ANN, doctor, emptyFolder, endAll, hubOf, later, nginx, plain, seen, serve, trpc, unhurried, urlOf } from './set-ups.js';

afterEach(endAll);

const CERT = path.resolve(__dirname, '../../fixtures/tls/cert.pem');
const KEY = path.resolve(__dirname, '../../fixtures/tls/key.pem');

describe.each(ENGINES)('the %s engine', (engine) => {
  test('the plain endpoint', async () => {
    const { ids, code, checked, notChecked } = await doctor(urlOf(await plain({ engine })));
    expect({ ids, code }).toEqual({ ids: [], code: 0 });
    for (const word of ['Headers: ', 'Stream: plain dialect, the verdict fresh ', 'heartbeats came', '3 of 3 returns', 'Engine: native']) {
      expect(checked.join('\n')).toContain(word);
    }
    expect(notChecked.map((one) => one.split(/[:(]/)[0]?.trim())).toEqual(['The project and its query paths', 'CORS']);
  });

  test('a tRPC subscription, with a transformer and without', async () => {
    const without = await doctor(await trpc({ hub: { engine } }));
    expect({ ids: without.ids, code: without.code }).toEqual({ ids: [], code: 0 });
    expect(without.checked.join('\n')).toContain('Stream: tRPC dialect');
    expect(without.checked.join('\n')).toContain('neither the router nor the hub has one');
    const withOne = await doctor(await trpc({ hub: { engine, transformer: superjson }, transformer: superjson }));
    expect({ ids: withOne.ids, code: withOne.code }).toEqual({ ids: [], code: 0 });
    expect(withOne.checked.join('\n')).toContain('the router has one, and so has the hub');
  });
});

describe('behind a proxy', () => {
  test('nginx with nothing but proxy_pass', async () => {
    expect(await doctor(urlOf(await nginx({ backends: [await plain()] })))).toMatchObject({ ids: [], code: 0 });
  });

  test('nginx as the recipe has it, before tRPC', async () => {
    const url = new URL(await trpc());
    const location = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; proxy_read_timeout 1h;';
    const port = await nginx({ location, backends: [Number(url.port)] });
    expect(await doctor(urlOf(port, url.pathname + url.search))).toMatchObject({ ids: [], code: 0 });
  });

  test('HAProxy as Debian sets it up', async () => {
    const proxy = await startHaproxy(await plain());
    later(() => proxy.stop());
    expect(await doctor(urlOf(proxy.port))).toMatchObject({ ids: [], code: 0 });
  });
});

test('of another origin, with cookies', async () => {
  const headers = { 'Access-Control-Allow-Origin': 'https://app.example', 'Access-Control-Allow-Credentials': 'true' };
  const port = await serve(hubOf().handler({ identify: () => ANN, headers }));
  const report = await doctor(urlOf(port), ['--origin', 'https://app.example', '--header', 'Cookie: session=1']);
  expect(report).toMatchObject({ ids: [], code: 0, checked: expect.arrayContaining(['CORS: a page of https://app.example may read the stream.']) });
});

/** Node reads NODE_EXTRA_CA_CERTS when it starts, and an address space of its own is what a person runs. */
describe('as a process of its own', () => {
  let cli: Cli;
  beforeAll(async () => {
    cli = await Cli.build();
  }, 120_000);
  afterAll(() => cli.remove());

  const trusting = { ...process.env, NODE_EXTRA_CA_CERTS: CERT };
  const secure = (words: string) => ({
    listen: `ssl ${words} backlog=16384`,
    http: `ssl_certificate ${CERT}; ssl_certificate_key ${KEY};`,
  });
  const run = async (port: number) => {
    const url = `https://localhost:${port}/sync/stream`;
    return unhurried(seen(await cli.run(['doctor', '--json', '--url', url, '--project', emptyFolder()], { env: trusting })));
  };

  test('TLS and HTTP/2 at nginx: nothing; without HTTP/2: no-http2', async () => {
    const backends = [await plain()];
    expect(await run(await nginx({ ...secure('http2'), backends }))).toMatchObject({ ids: [], code: 0 });
    expect(await run(await nginx({ ...secure(''), backends }))).toMatchObject({
      ids: ['no-http2'],
      code: 0,
      findings: [{ severity: 'warning', remedy: expect.stringContaining('`http2 on;`') }],
    });
  });

  test('TLS at Node itself: no-http2', async () => {
    const port = await serve(createSecureServer(tlsFiles(), hubOf().handler({ identify: () => ANN })));
    expect(await run(port)).toMatchObject({ ids: ['no-http2'], code: 0 });
  });

  /** Their own backlogs are short, and no recipe is about them. */
  test.each(PROXIES)('%s as docs/proxies.md has it: nothing but a hint at most', async (name) => {
    const front = await startProxy(name, await plain());
    later(() => front.stop());
    const url = `http${front.tls ? 's' : ''}://${front.host}:${front.port}/sync/stream`;
    const args = ['doctor', '--json', '--url', url, '--header', 'Host: localhost', '--project', emptyFolder()];
    const { ids, code, checked } = unhurried(seen(await cli.run(args, { env: trusting })));
    expect({ ids: ids.filter((id) => id !== 'short-listen-backlog'), code }).toEqual({ ids: [], code: 0 });
    expect(checked.join('\n')).toContain(front.tls ? 'Protocol: browsers get HTTP/2' : 'Protocol: HTTP/1.1 without TLS');
  });

  test('the machine and a project: nothing, in words that fit 80 columns, and a terminal’s colours nowhere', async () => {
    const app = new CodeBase({
      'package.json': JSON.stringify({ name: 'app' }),
      'src/app.ts': router({ create: `${WRITE} ${TELL}` }),
      'src/realtime.ts': REALTIME,
    });
    later(() => app.remove());
    const { code, stdout, stderr } = await cli.run(['doctor', '--project', app.folder]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Engine: native.');
    expect(stdout).toMatch(/Phantom paths: none \(3 queries, 1 mutations of src\/app\.ts#appRouter\)\./);
    expect(stdout).toContain('A live stream: --url');
    expect(stdout).toMatch(/\n\nNo findings\.\n$/);
    expect(stdout).not.toContain('\u001b');
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});
