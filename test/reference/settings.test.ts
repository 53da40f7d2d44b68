/** Every setting of the reference server comes from the environment, is checked, and is shown without its secrets. */
import { printableSettings, readSettings, SettingsError } from '../../lib/reference/settings.js';

const problems = (env: Record<string, string>): readonly string[] => {
  try {
    readSettings(env);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
};

test('an empty environment gives the documented defaults', () => {
  expect(readSettings({})).toMatchObject({
    port: 3000,
    host: '127.0.0.1',
    production: false,
    engine: 'auto',
    maxPerUser: 5,
    maxPerCompany: 50,
    logActions: 1_000,
    logTtlMs: 86_400_000,
    heartbeatMs: 15_000,
    connectionCapBytes: 65_536,
    logLevel: 'info',
  });
});

test('an empty value counts as absent', () => {
  expect(readSettings({ PORT: '', PATHCAST_ENGINE: '', SESSION_SECRET: '' }).port).toBe(3000);
});

test('0 means no limit', () => {
  const settings = readSettings({ PATHCAST_MAX_PER_USER: '0', PATHCAST_MAX_PER_COMPANY: '0', PATHCAST_LOGINS_PER_MINUTE: '0' });
  expect(settings).toMatchObject({ maxPerUser: 0, maxPerCompany: 0, loginsPerMinute: 0 });
  const log = readSettings({ PATHCAST_LOG_ACTIONS: '0', PATHCAST_LOG_TTL_MS: '0' });
  expect(log.logActions).toBe(1_000_000);
  expect(log.logTtlMs).toBe(315_360_000_000);
});

test.each([
  ['PORT', 'http', 'whole number from 0 to 65535'],
  ['PORT', '65536', 'whole number from 0 to 65535'],
  ['PORT', '-1', 'whole number from 0 to 65535'],
  ['PORT', '3000.5', 'whole number from 0 to 65535'],
  ['PORT', '1e3', 'whole number from 0 to 65535'],
  ['PATHCAST_ENGINE', 'rust', 'one of auto, native, js'],
  ['PATHCAST_MAX_PER_USER', 'five', 'whole number from 1 to 1000000, or 0 for no limit'],
  ['PATHCAST_MAX_PER_COMPANY', '-5', 'or 0 for no limit'],
  ['PATHCAST_LOG_ACTIONS', '1000001', 'whole number from 1 to 1000000'],
  ['PATHCAST_LOG_TTL_MS', '1d', 'whole number from 1'],
  ['PATHCAST_HEARTBEAT_MS', '0', 'whole number from 10'],
  ['PATHCAST_CONNECTION_CAP_BYTES', '1024', 'whole number from 4096'],
  ['PATHCAST_DRAIN_MS', 'slow', 'whole number from 0'],
  ['PATHCAST_DEMO_DATA', 'yes', 'one of 0, 1'],
  ['PATHCAST_READINESS', 'maybe', 'one of lenient, strict'],
  ['LOG_LEVEL', 'loud', 'one of fatal, error, warn, info, debug, trace, silent'],
])('%s=%s is refused, and the message says what is allowed', (name, value, allowed) => {
  const [problem, ...more] = problems({ [name]: value });
  expect(more).toEqual([]);
  expect(problem).toContain(name);
  expect(problem).toContain(JSON.stringify(value));
  expect(problem).toContain(allowed);
});

test('everything that is wrong is told at once', () => {
  expect(problems({ PORT: 'x', LOG_LEVEL: 'y', PATHCAST_ENGINE: 'z' })).toHaveLength(3);
});

test('production has no default secret, and no demo rows', () => {
  expect(problems({ NODE_ENV: 'production' })).toEqual([expect.stringMatching(/^SESSION_SECRET is not set/)]);
  const settings = readSettings({ NODE_ENV: 'production', SESSION_SECRET: 'x'.repeat(32) });
  expect(settings).toMatchObject({ production: true, demoData: false, loginsPerMinute: 60 });
});

test('a URL of Redis that is none is refused without what it holds', () => {
  const [problem = ''] = problems({ PATHCAST_REDIS_URL: 'http://x:hunter2@h' });
  expect(problem).toMatch(/^PATHCAST_REDIS_URL: .*the scheme is not known/);
  expect(problem).not.toContain('hunter2');
});

test.each([
  ['mysql://u:hunter2@h/app', 'it begins with mysql:; allowed is postgresql://user:password@host:port/database'],
  ['postgresql://u:hunter2@h:5432', 'it names no database; allowed is postgresql://user:password@host:port/database'],
  ['postgresql://u:hunter2@h:port/app', "it is no URL; a '/', '?', '#' or '@' in a password is written %2F, %3F, %23 or %40"],
])('a URL of PostgreSQL that is none is refused without what it holds: %s', (url, problem) => {
  expect(problems({ PATHCAST_POSTGRES_URL: url })).toEqual([`PATHCAST_POSTGRES_URL: ${problem}`]);
});

test('the secret is never printed', () => {
  const secret = 'do-not-print-me-do-not-print-me-0';
  const printed = printableSettings(readSettings({ SESSION_SECRET: secret, PATHCAST_REDIS_URL: `redis://u:${secret}@h`, PATHCAST_POSTGRES_URL: `postgresql://u:${secret}@h:5433/app?password=${secret}` }));
  expect(printed['PATHCAST_POSTGRES_URL']).toBe('postgresql://u:***@h:5433/app');
  expect(printed['PATHCAST_REDIS_URL']).toBe('redis://u:***@h:6379');
  expect(JSON.stringify(printed)).not.toContain(secret);
  expect(Object.keys(printed)).toEqual(
    expect.arrayContaining([
      'PORT', 'HOST', 'SESSION_SECRET', 'PATHCAST_ENGINE', 'PATHCAST_MAX_PER_USER', 'PATHCAST_MAX_PER_COMPANY',
      'PATHCAST_LOG_ACTIONS', 'PATHCAST_LOG_TTL_MS', 'PATHCAST_HEARTBEAT_MS', 'PATHCAST_CONNECTION_CAP_BYTES', 'LOG_LEVEL',
    ]),
  );
});
