/**
 * The machine's clock jumped a week ahead and back: for a week no stream with an `expiresAt` got in, because expiry was
 * decided by a clock that never goes back; a life time was waited for with that clock too, so a jump ended all lives at
 * once. Expiry goes by the clock as it is, waiting by one that cannot be set. Pinned here for the JavaScript engine, in
 * test/native/hub_clock_test.cc for the native one.
 */
import type { ByteSink, EngineNotice } from '../../lib/internal/engine.js';
import { JsEngine } from '../../lib/jsengine/engine.js';
import { DEFAULTS, SPEC_DEFAULTS } from '../support/engine-options.js';
import { waitFor } from '../support/wait.js';

const HOUR = 3_600_000;
const WEEK = 7 * 24 * HOUR;

test('a jump ahead ends no life, and locks nobody out once it is mended', async () => {
  let wallMs = 1_700_000_000_000;
  let steadyUs = 0;
  const ended: EngineNotice[] = [];
  const engine = new JsEngine({ ...DEFAULTS, lifetimeMs: 24 * HOUR }, (notice) => void ended.push(notice), {
    wallMs: () => wallMs,
    monotonicUs: () => (steadyUs += 1),
    random: () => 0.5,
    hex: () => '0123456789ab',
  });
  const sink = (): ByteSink => ({ write: () => true, close: () => undefined });
  const reasons = (): unknown[] => ended.map((notice) => (notice.type === 'closed' ? notice.reason : notice.type));
  engine.openSink({ ...SPEC_DEFAULTS }, sink());
  engine.openSink({ ...SPEC_DEFAULTS, expiresAt: wallMs + WEEK + 2 * HOUR }, sink());

  wallMs += WEEK;
  engine.openSink({ ...SPEC_DEFAULTS, expiresAt: wallMs - HOUR }, sink());
  await waitFor(() => ended.length === 1, 'the one that has expired by this clock');
  expect(reasons()).toEqual(['auth_expired']);

  wallMs -= WEEK;
  engine.openSink({ ...SPEC_DEFAULTS, expiresAt: wallMs + HOUR }, sink());
  engine.openSink({ ...SPEC_DEFAULTS, expiresAt: wallMs + 1 }, sink());
  wallMs += 1_000;
  await waitFor(() => ended.length === 2, 'the one whose time has come');
  expect(engine.metrics()).toMatchObject({ connections: 3, closes: { auth_expired: 2, drain: 0 } });

  steadyUs += 24 * HOUR * 1_000;
  await waitFor(() => ended.length === 5, 'the end of their lives');
  expect(engine.metrics().closes).toMatchObject({ auth_expired: 2, drain: 3 });
  await engine.close();
});
