/** G2 for clients without ids, at random: see test/support/cuts-by-time.ts. What the check itself can find is in cuts-by-time-checker. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { EngineOptions } from '../../lib/internal/engine.js';
import { JsEngine } from '../../lib/jsengine/engine.js';
import { systemEnvironment } from '../../lib/jsengine/environment.js';
import { createNativeEngine } from '../../lib/native/index.js';
import { runSchedules, sinkPipe, type OpenPipe, type Setting } from '../support/cuts-by-time.js';
import { runSeed } from '../support/random.js';

/** Through `openSocket`: the descriptor of an accepted loopback connection. */
const socketPipe: OpenPipe = async (engine, spec, take) => {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepting = once(server, 'connection') as Promise<[Socket]>;
  const browser = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = await accepting;
  server.close();
  browser.on('data', take);
  browser.on('error', () => undefined);
  const { fd } = (accepted as unknown as { _handle: { fd: number } })._handle;
  engine.openSocket!(spec, fd);
  accepted.destroy();
  return { stall: () => browser.pause(), resume: () => browser.resume(), close: () => browser.destroy() };
};

/** A clock that is a ms later at each look: no two things happen in the same one. */
function fastClock(): () => number {
  let ms = 1_700_000_000_000;
  return () => ++ms;
}

const settings: [string, number, () => Setting][] = [
  [
    'js over sinks',
    1_000,
    () => {
      const now = fastClock();
      return { createEngine: (options: EngineOptions) => new JsEngine(options, () => undefined, { ...systemEnvironment, wallMs: now }), open: sinkPipe, now };
    },
  ],
  ['native over sinks', 1_000, () => ({ createEngine: (options) => createNativeEngine(options, () => undefined), open: sinkPipe, now: Date.now })],
  ['native over sockets', 125, () => ({ createEngine: (options) => createNativeEngine(options, () => undefined), open: socketPipe, now: Date.now })],
];

test.each(settings)(
  'G2: random cuts by time, %s: %i schedules without a gap',
  async (_name, count, setting) => {
    const report = await runSchedules(setting(), count, runSeed());
    expect(report.schedules).toBe(count);
    if (process.env['PATHCAST_SHOW'] !== undefined) process.stdout.write(`${JSON.stringify(report)}\n`);
    expect(report.resumed / report.kept).toBeGreaterThanOrEqual(0.95);
    // The walk went everywhere. One engine's bounds may leave something out, eight do not.
    if (count < 1_000) return;
    for (const [what, times] of Object.entries(report.seen)) expect([what, times > count / 100]).toEqual([what, true]);
    expect(report.kept).toBeGreaterThan(report.cuts / 4);
  },
  300_000,
);
