/**
 * A phone that goes out of range sends no FIN. Its seat is free again in bounded time on each way that holds a socket: the
 * kernel is told how long nothing may be acknowledged, on the hub's own sockets and on those that stay with Node.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

/** `slowTimeoutMs` of the child's hubs, and what the kernel is given beyond it. */
const TIMEOUT_MS = 10 + 10_000;
/** The kernel looks when it retransmits; and a machine under load is late. */
const DEADLINE_MS = TIMEOUT_MS + 45_000;

interface Way {
  engine: string;
  way: string;
  before: number;
  freeAfterMs: number | null;
  closes: Record<string, number>;
}

test('a vanished peer is found on every way that holds a socket', () => {
  const allowed = spawnSync('unshare', ['-n', 'true'], { encoding: 'utf8' });
  if (allowed.status !== 0) {
    // Not as root, or in a sandbox: nothing to hold the claim against.
    console.warn(`no network namespace can be made here, so vanished peers are not tried: ${allowed.stderr}`);
    return;
  }
  const script = path.join(__dirname, 'vanished-streams.cjs');
  const child = spawnSync('unshare', ['-n', process.execPath, script, JSON.stringify({ deadlineMs: DEADLINE_MS })], {
    encoding: 'utf8',
    timeout: DEADLINE_MS + 8_000,
  });
  expect(child.stderr).toBe('');
  const ways = JSON.parse(child.stdout) as Way[];
  expect(ways.map(({ engine, way, before }) => `${engine} ${way} ${before}`)).toEqual(
    ['native', 'js'].flatMap((engine) => ['http', 'https', 'http2', 'trpc over https'].map((way) => `${engine} ${way} 1`)),
  );
  for (const { engine, way, freeAfterMs, closes } of ways) {
    const name = `${engine} ${way}`;
    expect([name, freeAfterMs]).toEqual([name, expect.any(Number)]);
    // Not before: whoever only stalls for a while comes back.
    expect(freeAfterMs).toBeGreaterThan(TIMEOUT_MS - 1_000);
    expect([name, closes]).toEqual([name, expect.objectContaining({ gone: 1 })]);
  }
});
